#!/usr/bin/env python3
"""Measures abtest next to Gimel and next to what the machine can do, and writes docs/benchmarks.md.

    tests/bench/run.py                     measures everything and writes docs/benchmarks.md
    tests/bench/run.py --quick             tries the script: debug binaries, short rounds, written to target/
    tests/bench/run.py cold-start list     prints these parts only

Needs wrk, redis-server and what tests/install installs. Builds the binaries first. Run it while nothing else uses
the machine.
"""
import argparse
import concurrent.futures
import contextlib
import datetime
import http.client
import itertools
import json
import os
import pathlib
import platform
import re
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
import zipfile

HERE = pathlib.Path(__file__).resolve().parent
PROJECT = HERE.parent.parent
TARGET = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", PROJECT / "target"))
PYTHON = TARGET / "testbed/python/bin"
PAGE = PROJECT / "docs/benchmarks.md"


class Effort:
    """What is measured, how often and how long."""

    def __init__(self, quick):
        self.quick = quick
        # Functions as `abtest build` makes them, and the rest as `cargo build --release` does.
        self.profile, self.function_profile = ("dev", "dev") if quick else ("release", "function")
        self.rounds = 1 if quick else 5
        self.wrk_seconds = 1 if quick else 4
        self.starts = 3 if quick else 20
        self.experiments = (50, 100) if quick else (250, 1_000)
        self.reads = 3 if quick else 9
        self.gimel_reads = 1 if quick else 3
        self.definitions, self.namespaces, self.files = (200, 20, 50) if quick else (10_000, 1_000, 1_000)
        self.stored_events = (1_000, 10_000) if quick else (10_000, 100_000, 1_000_000)

    def program(self, name):
        return TARGET / self.profile.replace("dev", "debug") / name

    def function(self, name):
        return TARGET / self.function_profile.replace("dev", "debug") / name


def main():
    arguments = parse()
    effort = Effort(arguments.quick)
    if shutil.which("wrk") is None:
        sys.exit("wrk is missing: install the Debian package wrk, then run this again")
    build(effort)
    parts = {}
    for name in arguments.parts or PARTS:
        started = time.monotonic()
        print(f"measuring {name} …", file=sys.stderr)
        parts[name] = PARTS[name](effort)
        print(f"measured {name} in {time.monotonic() - started:.0f} s", file=sys.stderr)
    text = "\n".join(parts.values())
    if arguments.parts:
        print(text)
        return
    output = TARGET / "benchmarks-quick.md" if arguments.quick else PAGE
    output.write_text(heading(effort) + "\n" + text)
    print(f"wrote {output}", file=sys.stderr)


def parse():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="try the script: debug binaries and short rounds; the figures mean nothing")
    parser.add_argument("parts", nargs="*", metavar="PART", help="one of " + ", ".join(PARTS))
    arguments = parser.parse_args()
    if unknown := set(arguments.parts) - set(PARTS):
        parser.error(f"unknown part {', '.join(sorted(unknown))}; there is {', '.join(PARTS)}")
    return arguments


def build(effort):
    for packages in [[effort.profile, "-p", "abtest", "-p", "abtest-bench"],
                     [effort.function_profile, "-p", "track", "-p", "assign", "-p", "experiments",
                      "--bin", "track", "--bin", "assign", "--bin", "experiments", "-p", "abtest-bench", "--bin", "hello_lambda"]]:
        command = ["cargo", "build", "--quiet", "--locked", "--profile", *packages]
        subprocess.run(command, cwd=PROJECT, check=True)


def heading(effort):
    def git(*command):
        return subprocess.run(["git", *command], cwd=PROJECT, capture_output=True, text=True, check=True).stdout.strip()

    changed = " with local changes" if git("status", "--porcelain", "--untracked-files=no") else ""
    now = datetime.datetime.now(datetime.timezone.utc)
    return f"""# Benchmarks

`tests/bench/run.py{' --quick' if effort.quick else ''}` wrote this page. Do not edit it: change the script and run it again.

- Commit {git('rev-parse', '--short=10', 'HEAD')}{changed}, measured on {now:%Y-%m-%d %H:%M} UTC.
- {processor()}, {os.cpu_count()} cores, {memory_gib():.0f} GiB of memory, {platform.system()} {platform.release()}.
- The disk syncs 4 KiB in {sync_time() * 1e6:.0f} µs (median of 200).
- wrk, Redis, Gimel and abtest share the machine. Compare the columns of a table rather than tables of two pages.
"""


def processor():
    names = re.findall(r"^model name\s*:\s*(.+)$", pathlib.Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    return names[0] if names else platform.machine()


def memory_gib():
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30


def sync_time():
    times = []
    with tempfile.TemporaryFile(dir=TARGET) as file:
        for _ in range(200):
            file.write(bytes(4096))
            file.flush()
            times.append(timed(lambda: os.fdatasync(file.fileno())))
    return statistics.median(times)


# Parts of the page


def throughput(effort):
    """Events per second."""
    with contextlib.ExitStack() as stack:
        port = stack.enter_context(redis())
        bare = stack.enter_context(running(effort.program("bare_server"), stdout=subprocess.PIPE, text=True))
        folder = stack.enter_context(gimel_folder(port))
        gunicorn_port = free_port()
        stack.enter_context(running(
            PYTHON / "gunicorn", "--workers", 2, "--bind", f"127.0.0.1:{gunicorn_port}",
            "--pythonpath", HERE, "gimel_wsgi:app", cwd=folder, stderr=subprocess.DEVNULL))
        wait_for(gunicorn_port)
        servers = {
            BARE: listening(bare),
            "abtest, embedded store": stack.enter_context(serve(effort)),
            "abtest, Redis": stack.enter_context(serve(effort, "--redis", f"redis://127.0.0.1:{port}/")),
            GIMEL: f"http://127.0.0.1:{gunicorn_port}",
        }
        tables = [throughput_table(servers, connections, effort) for connections in (64, 256)]
    return f"""## Events per second

`GET /track` with one event per request, sent by wrk. Medians of {effort.rounds} rounds of {effort.wrk_seconds} s, all servers in
turn. abtest answers after the event is in Redis or on disk. The bare server is hyper, the HTTP library that abtest
uses, with a constant answer. Gimel's handler runs under gunicorn with two workers.

""" + "\n".join(tables)


BARE = "bare server"
GIMEL = "Gimel, Redis"


def throughput_table(servers, connections, effort):
    measured = {name: [] for name in servers}
    for _ in range(effort.rounds):
        for name, url in servers.items():
            measured[name].append(wrk(url, connections, effort.wrk_seconds))
    median = {name: statistics.median(rates) for name, rates in measured.items()}
    rows = [[name, f"{median[name]:,.0f}", f"{min(rates):,.0f} to {max(rates):,.0f}",
             f"{median[name] / median[BARE]:.0%}", times(median[name] / median[GIMEL])]
            for name, rates in measured.items()]
    return table([f"{connections} connections", "median", "range", "of the bare server", "times Gimel"], rows)


def wrk(url, connections, seconds):
    output = subprocess.run(
        ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "-s", HERE / "track.lua", url],
        capture_output=True, text=True, check=True).stdout
    if "Non-2xx" in output:
        sys.exit(output)
    return float(re.search(r"Requests/sec:\s+([\d.]+)", output)[1])


def cold_start(effort):
    """Cold start and size of the functions."""
    # Without an address in its config Gimel would look for one in the Python environment.
    programs = {
        "lambda_http's hello world": ("rest-track.json", [effort.function("hello_lambda")]),
        "track": ("rest-track.json", [effort.function("track")]),
        "assign": ("rest-assign.json", [effort.function("assign")]),
        "experiments": ("rest-experiments.json", [effort.function("experiments")]),
        GIMEL_TRACK: ("rest-track.json", [PYTHON / "python", "-W", "ignore", HERE / "gimel_cold.py"]),
    }
    measured = {name: [] for name in programs}
    with redis() as port, gimel_folder(port) as folder:
        environment = {**os.environ, "ABTEST_REDIS_PORT": str(port)}
        for _ in range(effort.starts):
            for name, (event, command) in programs.items():
                measured[name].append(start_once(effort, name, event, command, environment, folder))
    median = {name: statistics.median(result["ms"] for result in results) for name, results in measured.items()}
    rows = []
    for name, results in measured.items():
        milliseconds = [result["ms"] for result in results]
        memory = statistics.median(result["mib"] for result in results)
        size = "–" if name == GIMEL_TRACK else f"{zipped(programs[name][1][0]) / 2**20:.2f} MiB"
        rows.append([name, f"{median[name]:.1f} ms", f"{min(milliseconds):.1f} to {max(milliseconds):.1f}",
                     times(median[GIMEL_TRACK] / median[name]), f"{memory:.1f} MiB", size])
    return f"""## Cold start and size of the functions

From the start of the process to its first answer, with the connection to Redis on the same machine, and for track the
event stored there. assign reads a namespace without definitions. Medians of {effort.starts} starts of each program in turn.

""" + table(["function", "median", "range", "times faster than Gimel", "peak memory", "zip"], rows)


GIMEL_TRACK = "Gimel's track"


def start_once(effort, name, event, command, environment, folder):
    output = subprocess.run([effort.program("cold_start"), HERE / event, *command],
                            capture_output=True, text=True, env=environment, cwd=folder)
    if output.returncode != 0:
        sys.exit(f"{name}: {output.stderr}")
    result = json.loads(output.stdout)
    if result["answer"]["statusCode"] != 200:
        sys.exit(f"{name}: {result}")
    return result


def zipped(program):
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder, "function.zip")
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
            archive.write(program, "bootstrap")
        return path.stat().st_size


def listing(effort):
    """The list of all experiments."""
    tables = []
    for experiments in effort.experiments:
        with redis() as port, gimel_folder(port) as folder:
            config = pathlib.Path(folder, "limits.json")
            config.write_text(json.dumps({"limits": {"experiments_per_hour": 100_000, "counters_per_hour": 1_000_000}}))
            with serve(effort, "--redis", f"redis://127.0.0.1:{port}/", "--config", config) as url:
                fill(url, experiments)
                ours = {}
                for words, query in LISTINGS.items():
                    pages = read_list(url, query)
                    # The first member of each page is Gimel's "meta".
                    listed = sum(len(json.loads(page)) - 1 for page in pages)
                    assert listed == experiments, f"{query}: {listed} of {experiments}"
                    seconds = statistics.median(timed(lambda: read_list(url, query)) for _ in range(effort.reads))
                    ours[words] = seconds, sum(map(len, pages)), len(pages)
            gimel_seconds, gimel_bytes = gimel_list(folder, experiments, effort.gimel_reads)
        rows = [[f"abtest, {words}", f"{seconds * 1e3:.1f} ms", f"{seconds / experiments * 1e6:.0f} µs",
                 times(gimel_seconds / seconds), f"{size / 1e6:.2f} MB", f"{size / experiments:,.0f}", str(pages)]
                for words, (seconds, size, pages) in ours.items()]
        rows.append(["Gimel's all", f"{gimel_seconds * 1e3:.0f} ms", f"{gimel_seconds / experiments * 1e6:.0f} µs",
                     "1", f"{gimel_bytes / 1e6:.2f} MB", f"{gimel_bytes / experiments:,.0f}", "1"])
        head = [f"{experiments:,} experiments", "median", "per experiment", "times faster than Gimel", "answer",
                "bytes per experiment", "pages"]
        tables.append(table(head, rows))
    return f"""## The list of experiments

`GET /experiments` with experiments of 12 counters each (3 variants, 3 goals and their participants), read through
all pages. Both read the same Redis. Medians of {effort.reads} reads, and of {effort.gimel_reads} by Gimel.

""" + "\n".join(tables)


LISTINGS = {"with a summary": "", "without analysis": "analysis=none", "with the full analysis": "analysis=full"}


def read_list(url, query):
    """Reads every page of the list."""
    pages, path = [], "/experiments" + (f"?{query}" if query else "")
    while path:
        request = urllib.request.Request(url + path, headers={"x-api-key": KEY})
        with urllib.request.urlopen(request) as answer:
            pages.append(answer.read())
            following = re.search(r'<([^>]+)>;\s*rel="?next"?', answer.headers.get("link", ""))
        path = following and re.sub(r"^https?://[^/]+", "", following[1])
        if path and not path.startswith("/"):
            path = "/experiments" + path
    return pages


def gimel_list(folder, experiments, reads):
    """Seconds that Gimel takes, and the bytes of its answer."""
    script = (
        "import json, time\nfrom gimel import gimel\ntimes = []\n"
        f"for _ in range({reads}):\n start = time.perf_counter()\n"
        f" answer = gimel.all({{}}, None)\n times.append(time.perf_counter() - start)\n"
        f" assert len(answer) == {experiments + 1}\n"
        f"print(sorted(times)[{reads // 2}], len(json.dumps(answer)))")
    output = subprocess.run([PYTHON / "python", "-W", "ignore", "-c", script],
                            capture_output=True, text=True, check=True, cwd=folder)
    seconds, size = output.stdout.split()
    return float(seconds), int(size)


def fill(url, experiments):
    send(url, (
        {"experiment": f"experiment {number}", "variant": variant, "event": event, "uuid": uuid}
        for number in range(experiments) for variant in ("a", "b", "c")
        for event in ("participate", "x", "y", "z") for uuid in ("1", "2")))


def definitions(effort):
    """Many definitions in many namespaces."""
    rows = []
    with redis() as port:
        for store, arguments in [("embedded store", []), ("Redis", ["--redis", f"redis://127.0.0.1:{port}/"])]:
            with serve(effort, *arguments) as url, tempfile.TemporaryDirectory() as folder:
                define(url, effort.definitions, effort.namespaces)
                middle = namespace_of(effort.definitions // 2, effort.namespaces)
                query = f"namespace={middle}"
                listed = sum(len(json.loads(page)) - 1 for page in read_list(url, query))
                assert listed == effort.definitions // effort.namespaces, f"{listed} in {middle}"
                seconds = [timed(lambda: read_list(url, query)) for _ in range(effort.reads)]
                plan = write_files(folder, effort)
                planned = [timed(lambda: plan(url)) for _ in range(effort.gimel_reads)]
                script = list_script(effort, url, middle)
            rows.append([store, f"{statistics.median(seconds) * 1e3:.1f} ms", f"{statistics.median(script):.0f} ms",
                         f"{statistics.median(planned):.2f} s"])
    each = effort.definitions // effort.namespaces
    return f"""## Many definitions

{effort.definitions:,} definitions in {effort.namespaces:,} namespaces. The list and the page show one namespace, with {each} experiments. The plan
compares {effort.files:,} files with the server and finds nothing to change. Medians of {effort.reads} lists, {effort.rounds} pages and {effort.gimel_reads} plans.

""" + table(["store", "list", "script of the page", f"plan of {effort.files:,} files"], rows)


def namespace_of(number, namespaces):
    return f"namespace{number % namespaces}"


def definition_of(number):
    """A definition with targeting and goals, as an operator writes it."""
    return {"description": f"Does change {number} sell more?", "owner": "shop", "traffic": 1 + number % 100,
            "variants": [{"name": "control", "payload": {"color": "blue"}}, {"name": "green", "payload": {"color": "green"}}],
            "targeting": {"country": {"$in": ["DE", "AT"]}},
            "goals": [{"name": "purchase", "role": "primary"}, {"name": "signup"}]}


def define(url, definitions, namespaces):
    """Creates definitions, several at a time."""
    host = url.removeprefix("http://")
    headers = {"x-api-key": KEY, "content-type": "application/json", "if-none-match": "*"}

    def some(numbers):
        connection = http.client.HTTPConnection(host)
        for number in numbers:
            path = f"/experiments/experiment{number}/definition?namespace={namespace_of(number, namespaces)}"
            connection.request("PUT", path, json.dumps(definition_of(number)), headers)
            answer = connection.getresponse()
            text = answer.read()
            if answer.status != 201:
                sys.exit(f"{path} answered {answer.status}: {text}")

    writers = 8
    with concurrent.futures.ThreadPoolExecutor(writers) as pool:
        list(pool.map(some, (range(writer, definitions, writers) for writer in range(writers))))


def write_files(folder, effort):
    """Writes the first definitions as files. Returns what plans them."""
    for number in range(effort.files):
        content = {"name": f"experiment{number}", "namespace": namespace_of(number, effort.namespaces), **definition_of(number)}
        pathlib.Path(folder, f"{number}.json").write_text(json.dumps(content))

    def plan(url):
        command = [effort.program("abtest"), "experiments", "apply", folder, "--plan", "--check", "--url", url]
        output = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "ABTEST_API_KEY": KEY})
        if output.returncode != 0:
            sys.exit(f"apply --plan: {output.stdout[-500:]}{output.stderr}")

    return plan


def list_script(effort, url, namespace):
    """Milliseconds of script until the list of a namespace is complete, per load."""
    with browser() as run:
        reader = run("read", url=url + "/")
        run("fill", reader=reader, selector="#key", text=KEY)
        run("click", reader=reader, selector="#login button")
        run("go", reader=reader, hash=f"#/?namespace={namespace}")
        found = []
        for _ in range(effort.rounds):
            run("see", reader=reader, selector="ol.rows h2")
            run("reload", reader=reader)
            run("see", reader=reader, selector="ol.rows h2")
            found.append(run("cost", reader=reader)["script"])
    return found


def storage(effort):
    """Disk space of the embedded store."""
    rows = []
    for events in effort.stored_events:
        with tempfile.TemporaryDirectory(dir=TARGET) as folder:
            with serve(effort, data=folder) as url:
                send(url, (
                    {"experiment": "button color", "variant": ("red", "blue")[number % 2],
                     "event": ("participate", "participate", "signup", "click")[number % 4],
                     "uuid": f"{number:08x}-7b1e-4000-8000-{number * 2654435761 % 2**48:012x}"}
                    for number in range(events)))
            size = sum(path.stat().st_blocks * 512 for path in pathlib.Path(folder).rglob("*") if path.is_file())
        rows.append([f"{events:,}", f"{size / 2**20:.1f} MiB", f"{size / events:,.0f} bytes"])
    return """## Disk space of the embedded store

After a normal stop, with different events whose uuids have 36 characters.

""" + table(["events", "disk space", "per event"], rows)


def analysis(effort):
    """The time of an analysis."""
    samples = ["--sample-size", "10", "--measurement-time", "0.1", "--warm-up-time", "0.1"] if effort.quick else []
    profile = ["--profile", "dev"] if effort.quick else []
    target = TARGET / "criterion"
    shutil.rmtree(target, ignore_errors=True)
    command = ["cargo", "bench", "--quiet", "--locked", *profile, "-p", "abtest-stats", "--bench", "analysis", "--",
               "--noplot", *samples, "experiment"]
    subprocess.run(command, cwd=PROJECT, check=True, stdout=subprocess.DEVNULL)
    rows = []
    for path in sorted(target.glob("**/new/benchmark.json")):
        name = json.loads(path.read_text())["title"]
        if "experiment" not in name:
            continue
        median = json.loads((path.parent / "estimates.json").read_text())["median"]["point_estimate"] / 1e9
        rows.append([name.removeprefix("many/"), f"{median * 1e3:,.2f} ms"])
    return """## The analysis

`cargo bench -p abtest-stats`, on one core.

""" + table(["analysis of", "median"], rows)


def dashboard(effort):
    """The weight of the page."""
    with serve(effort) as url, browser() as run:
        fill(url, 7)
        script = {"a list of 7 experiments": [], "one experiment": []}
        weights = []
        for _ in range(effort.rounds):
            found, weight = script_times(run, url)
            weights.append(weight)
            for view, milliseconds in zip(script, found):
                script[view].append(milliseconds)
    rows = [["all files that one view loads", f"{max(weights):,} bytes"]]
    rows += [[f"script until the view is complete: {view}", f"{statistics.median(found):.0f} ms"]
             for view, found in script.items()]
    return f"""## The page

Without compression. Script time as Chromium counts it, medians of {effort.rounds} loads.

""" + table(["page", "measured"], rows)


@contextlib.contextmanager
def browser():
    """Runs commands in Chromium, as `tests/browser/drive.mjs` describes them."""
    with running("node", "drive.mjs", cwd=HERE.parent / "browser", text=True,
                 stdin=subprocess.PIPE, stdout=subprocess.PIPE) as driver:
        def run(command, **parameters):
            print(json.dumps({"do": command, **parameters}), file=driver.stdin, flush=True)
            answer = json.loads(driver.stdout.readline())
            if "error" in answer:
                sys.exit(f"{command}: {answer['error']}")
            return answer["ok"]

        yield run
        # The driver closes Chromium when its input ends.
        driver.stdin.close()
        driver.wait()


def script_times(run, url):
    """Milliseconds of script for the list and for one experiment, each after a reload; and the bytes of the list."""
    reader = run("read", url=url + "/")
    run("fill", reader=reader, selector="#key", text=KEY)
    run("click", reader=reader, selector="#login button")
    found = []
    for hash, complete in [("#/", "ol.rows .verdict .badge"), ("#/experiment/experiment%201", "section.goal")]:
        run("go", reader=reader, hash=hash)
        run("see", reader=reader, selector=complete)
        run("reload", reader=reader)
        run("see", reader=reader, selector=complete)
        found.append(run("cost", reader=reader)["script"])
    weight = run("cost", reader=reader)["bytes"]
    run("close", reader=reader)
    return found, weight


PARTS = {"throughput": throughput, "cold-start": cold_start, "list": listing, "definitions": definitions,
         "storage": storage, "analysis": analysis, "dashboard": dashboard}


# Servers and requests

KEY = "key of the benchmark"


@contextlib.contextmanager
def running(*command, **options):
    process = subprocess.Popen([str(part) for part in command], **options)
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@contextlib.contextmanager
def redis():
    port = free_port()
    with tempfile.TemporaryDirectory() as folder, running(
        "redis-server", "--port", port, "--save", "", "--dir", folder, stdout=subprocess.DEVNULL
    ):
        wait_for(port)
        yield port


@contextlib.contextmanager
def serve(effort, *arguments, data=None):
    with contextlib.ExitStack() as stack:
        folder = data or stack.enter_context(tempfile.TemporaryDirectory(dir=TARGET))
        process = stack.enter_context(running(
            effort.program("abtest"), "serve", "--listen", "127.0.0.1:0", "--data", folder, *arguments,
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
            env={**os.environ, "ABTEST_API_KEY": KEY}))
        yield listening(process)


@contextlib.contextmanager
def gimel_folder(port):
    with tempfile.TemporaryDirectory() as folder:
        config = {"redis": {"host": "127.0.0.1", "port": port}}
        pathlib.Path(folder, "config.json").write_text(json.dumps(config))
        yield folder


def listening(process):
    """The URL that a server prints."""
    for line in process.stdout:
        if line.startswith("listening on "):
            return line.split()[2]
    sys.exit("the server did not start")


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for(port):
    for _ in range(500):
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port)):
            return
        time.sleep(0.02)
    sys.exit(f"nothing listens on port {port}")


def send(url, events):
    """Sends events in batches of 500."""
    events = iter(events)
    while batch := list(itertools.islice(events, 500)):
        request = urllib.request.Request(
            url + "/track", json.dumps(batch).encode(), {"content-type": "application/json"})
        with urllib.request.urlopen(request) as answer:
            if answer.status != 200:
                sys.exit(f"/track answered {answer.status}: {answer.read()}")


def timed(action):
    start = time.perf_counter()
    action()
    return time.perf_counter() - start


# Text


def table(head, rows):
    lines = [head, ["---"] * len(head), *rows]
    return "".join("| " + " | ".join(line) + " |\n" for line in lines)


def times(ratio):
    """A ratio to two digits."""
    return f"{ratio:.1f}" if ratio < 10 else f"{ratio:.0f}"


if __name__ == "__main__":
    main()
