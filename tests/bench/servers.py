"""Starts servers, Redis and Chromium, and sends them events and definitions."""
import concurrent.futures
import contextlib
import http.client
import itertools
import json
import os
import pathlib
import re
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request

from effort import HERE, TARGET

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
    with serving(effort, *arguments, data=data) as (_, url):
        yield url


@contextlib.contextmanager
def serving(effort, *arguments, data=None):
    """As `serve`, with the process."""
    with contextlib.ExitStack() as stack:
        folder = data or stack.enter_context(tempfile.TemporaryDirectory(dir=TARGET))
        process = stack.enter_context(running(
            effort.program("abtest"), "serve", "--listen", "127.0.0.1:0", "--data", folder, *arguments,
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
            env={**os.environ, "ABTEST_API_KEY": KEY}))
        yield process, listening(process)


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


def wrk(url, connections, seconds, script=None, headers=()):
    """Requests per second."""
    options = [*(["-s", HERE / script] if script else []), *(part for header in headers for part in ("-H", header))]
    output = subprocess.run(
        ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", *options, url],
        capture_output=True, text=True, check=True).stdout
    if "Non-2xx" in output:
        sys.exit(output)
    return float(re.search(r"Requests/sec:\s+([\d.]+)", output)[1])


def call(url, method, path, body=None, headers=()):
    """The status, the headers and the text of an answer to an operator."""
    request = urllib.request.Request(url + path, body and json.dumps(body).encode(), method=method, headers={
        "x-api-key": KEY, "content-type": "application/json", **dict(headers)})
    with urllib.request.urlopen(request) as answer:
        return answer.headers, answer.read()


def timed(action):
    start = time.perf_counter()
    action()
    return time.perf_counter() - start


def fill(url, experiments):
    send(url, (
        {"experiment": f"experiment {number}", "variant": variant, "event": event, "uuid": uuid}
        for number in range(experiments) for variant in ("a", "b", "c")
        for event in ("participate", "x", "y", "z") for uuid in ("1", "2")))


def namespace_of(number, namespaces):
    return f"namespace{number % namespaces}"


def definition_of(number):
    """A definition with targeting and goals, as an operator writes it."""
    return {"description": f"Does change {number} sell more?", "owner": "shop", "traffic": 1 + number % 100,
            "variants": [{"name": "control", "payload": {"color": "blue"}}, {"name": "green", "payload": {"color": "green"}}],
            "targeting": {"country": {"$in": ["DE", "AT"]}},
            "goals": [{"name": "purchase", "role": "primary"}, {"name": "signup"}]}


def define(url, definitions, namespaces, **members):
    """Creates definitions, several at a time. Members are those that each has besides."""
    host = url.removeprefix("http://")
    headers = {"x-api-key": KEY, "content-type": "application/json", "if-none-match": "*"}

    def some(numbers):
        connection = http.client.HTTPConnection(host)
        for number in numbers:
            path = f"/experiments/experiment{number}/definition?namespace={namespace_of(number, namespaces)}"
            connection.request("PUT", path, json.dumps({**definition_of(number), **members}), headers)
            answer = connection.getresponse()
            text = answer.read()
            if answer.status != 201:
                sys.exit(f"{path} answered {answer.status}: {text}")

    writers = 8
    with concurrent.futures.ThreadPoolExecutor(writers) as pool:
        list(pool.map(some, (range(writer, definitions, writers) for writer in range(writers))))


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
