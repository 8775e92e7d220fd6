#!/usr/bin/env python3
"""Measures abtest against its peers and its physical limits, side by side, and prints ratios as
Markdown. Needs wrk, redis-server, and what tests/install installs; builds the release binaries.

    tests/bench/run.py [throughput] [cold-start] [read]     (all of them if none is named)
"""
import contextlib
import json
import os
import pathlib
import re
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
import zipfile

HERE = pathlib.Path(__file__).parent
PROJECT = HERE.parent.parent
TARGET = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", PROJECT / "target"))
RELEASE = TARGET / "release"
FUNCTION = TARGET / "function"
PYTHON = TARGET / "testbed/python/bin"
ROUNDS = 5


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextlib.contextmanager
def running(*command, **options):
    process = subprocess.Popen([str(part) for part in command], **options)
    try:
        yield process
    finally:
        process.terminate()
        process.wait()


@contextlib.contextmanager
def redis():
    port = free_port()
    with tempfile.TemporaryDirectory() as folder, running(
        "redis-server", "--port", port, "--save", "", "--dir", folder, stdout=subprocess.DEVNULL
    ):
        wait_for(port)
        yield port


def wait_for(port):
    for _ in range(500):
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port)):
            return
        time.sleep(0.02)
    sys.exit(f"nobody listens on port {port}")


def listening(process):
    """The address that a server prints, and the lines after it as an iterator."""
    for line in process.stdout:
        if line.startswith("listening on "):
            return line.split()[2]
    sys.exit("the server did not start")


@contextlib.contextmanager
def serve(*arguments):
    with tempfile.TemporaryDirectory(dir=TARGET) as folder, running(
        RELEASE / "abtest", "serve", "--listen", "127.0.0.1:0", "--data", folder, *arguments,
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
        env={**os.environ, "ABTEST_API_KEY": "bench"},
    ) as process:
        yield listening(process)


@contextlib.contextmanager
def gimel_folder(port):
    with tempfile.TemporaryDirectory() as folder:
        config = {"redis": {"host": "127.0.0.1", "port": port}}
        pathlib.Path(folder, "config.json").write_text(json.dumps(config))
        yield folder


def wrk(url, connections):
    output = subprocess.run(
        ["wrk", "-t1", f"-c{connections}", "-d4s", "-s", HERE / "track.lua", url],
        capture_output=True, text=True, check=True,
    ).stdout
    if "Non-2xx" in output:
        sys.exit(output)
    return float(re.search(r"Requests/sec:\s+([\d.]+)", output)[1])


def table(head, rows):
    print("| " + " | ".join(head) + " |")
    print("|" + "---|" * len(head))
    for row in rows:
        print("| " + " | ".join(row) + " |")
    print()


def throughput():
    print("## GET /track, requests a second\n")
    with contextlib.ExitStack() as stack:
        port = stack.enter_context(redis())
        bare = stack.enter_context(
            running(RELEASE / "bare_server", stdout=subprocess.PIPE, text=True))
        folder = stack.enter_context(gimel_folder(port))
        gunicorn_port = free_port()
        stack.enter_context(running(
            PYTHON / "gunicorn", "--workers", 2, "--bind", f"127.0.0.1:{gunicorn_port}",
            "--pythonpath", HERE, "gimel_wsgi:app", cwd=folder, stderr=subprocess.DEVNULL))
        wait_for(gunicorn_port)
        servers = {
            "bare server, a constant": listening(bare),
            "abtest, embedded, durable": stack.enter_context(serve()),
            "abtest, Redis": stack.enter_context(serve("--redis", f"redis://127.0.0.1:{port}/")),
            "Gimel under gunicorn, Redis": f"http://127.0.0.1:{gunicorn_port}",
        }
        for connections in (64, 256):
            measured = {name: [] for name in servers}
            for _ in range(ROUNDS):
                for name, url in servers.items():
                    measured[name].append(wrk(url, connections))
            bare_rate = statistics.median(measured["bare server, a constant"])
            gimel_rate = statistics.median(measured["Gimel under gunicorn, Redis"])
            rows = []
            for name, rates in measured.items():
                rate = statistics.median(rates)
                rows.append([name, f"{rate:,.0f}", f"{min(rates):,.0f} to {max(rates):,.0f}",
                             f"{rate / bare_rate:.0%}", f"{rate / gimel_rate:.0f}"])
            head = [f"{connections} connections", "median", "range", "of the bare server", "times Gimel"]
            table(head, rows)


def cold_start():
    print("## Cold start: from the process's start to its first answer\n")
    with redis() as port, gimel_folder(port) as folder:
        environment = {**os.environ, "ABTEST_REDIS_PORT": str(port)}
        # Without an address of its own Gimel is found in the Python environment.
        programs = {
            "lambda_http's hello world": ("rest-track.json", [FUNCTION / "hello_lambda"]),
            "track": ("rest-track.json", [FUNCTION / "track"]),
            "experiments": ("rest-experiments.json", [FUNCTION / "experiments"]),
            "Gimel's track": ("rest-track.json", [PYTHON / "python", "-W", "ignore", HERE / "gimel_cold.py"]),
        }
        measured = {name: [] for name in programs}
        for _ in range(4 * ROUNDS):
            for name, (event, command) in programs.items():
                output = subprocess.run(
                    [RELEASE / "cold_start", HERE / event, *command],
                    capture_output=True, text=True, env=environment, cwd=folder)
                if output.returncode != 0:
                    sys.exit(f"{name}: {output.stderr}")
                result = json.loads(output.stdout)
                if result["answer"]["statusCode"] != 200:
                    sys.exit(f"{name}: {result}")
                measured[name].append(result)
        gimel = statistics.median(result["ms"] for result in measured["Gimel's track"])
        rows = []
        for name, results in measured.items():
            times = [result["ms"] for result in results]
            memory = statistics.median(result["mib"] for result in results)
            milliseconds = statistics.median(times)
            program = programs[name][1][0]
            rows.append([name, f"{milliseconds:.1f} ms", f"{min(times):.1f} to {max(times):.1f}",
                         f"{memory:.1f} MiB", f"1/{gimel / milliseconds:.0f}",
                         zipped(program) if "Gimel" not in name else "–"])
        table(["function", "median", "range", "peak memory", "of Gimel's time", "zipped"], rows)


def zipped(program):
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder, "function.zip")
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
            archive.write(program, "bootstrap")
        return f"{path.stat().st_size / 2**20:.2f} MiB"


def read():
    print("## Reading all experiments of 12 counters each, on one Redis\n")
    rows = []
    for experiments in (250, 500, 1000):
        with redis() as port, gimel_folder(port) as folder:
            with serve("--redis", f"redis://127.0.0.1:{port}/") as url:
                fill(url, experiments)
                ours = statistics.median(timed(lambda: get(url + "/experiments")) for _ in range(9))
            script = (
                "import time\nfrom gimel import gimel\ntimes = []\n"
                "for _ in range(3):\n start = time.perf_counter()\n"
                f" assert len(gimel.all({{}}, None)) == {experiments + 1}\n"
                " times.append(time.perf_counter() - start)\nprint(sorted(times)[1])")
            output = subprocess.run([PYTHON / "python", "-W", "ignore", "-c", script],
                                    capture_output=True, text=True, check=True, cwd=folder)
            gimel = float(output.stdout)
            rows.append([f"{experiments:,}", f"{ours * 1e3:.1f} ms", f"{gimel * 1e3:.0f} ms",
                         f"{gimel / ours:.0f}", f"{ours / experiments * 1e6:.0f} µs"])
    table(["experiments", "abtest", "Gimel's all", "times faster", "abtest, each"], rows)


def fill(url, experiments):
    events = [
        {"experiment": f"experiment {number}", "variant": variant, "event": event, "uuid": uuid}
        for number in range(experiments) for variant in ("a", "b", "c")
        for event in ("participate", "x", "y", "z") for uuid in ("1", "2")
    ]
    for start in range(0, len(events), 500):
        request = urllib.request.Request(
            url + "/track", json.dumps(events[start:start + 500]).encode(),
            {"content-type": "application/json"})
        with urllib.request.urlopen(request) as answer:
            assert answer.status == 200, answer.read()


def get(url):
    request = urllib.request.Request(url, headers={"x-api-key": "bench"})
    with urllib.request.urlopen(request) as answer:
        return answer.read()


def timed(action):
    start = time.perf_counter()
    action()
    return time.perf_counter() - start


def main():
    measures = {"throughput": throughput, "cold-start": cold_start, "read": read}
    chosen = sys.argv[1:] or list(measures)
    if unknown := set(chosen) - set(measures):
        sys.exit(f"{', '.join(unknown)}? there is {', '.join(measures)}")
    # As they are used: functions small, at any time to build, and the rest as cargo makes it.
    for build in [["release", "-p", "abtest", "-p", "abtest-bench"],
                  ["function", "-p", "track", "-p", "experiments", "--bin", "track",
                   "--bin", "experiments", "-p", "abtest-bench", "--bin", "hello_lambda"]]:
        subprocess.run(["cargo", "build", "--quiet", "--profile", *build], cwd=PROJECT, check=True)
    for name in chosen:
        measures[name]()


if __name__ == "__main__":
    main()
