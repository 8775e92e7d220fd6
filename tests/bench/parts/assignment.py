"""The endpoints that clients ask for assignments."""
import contextlib
import json
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

from effort import TARGET
from page import table
from servers import call, define, listening, redis, running, serve, serving, timed, wrk

BARE = "bare server"

# What a visitor's context is in every question.
CONTEXT = '{"context": {"targetingKey": "visitor-1", "country": "DE", "platform": "ios"}}'


def measure(effort):
    return f"""## Assignment over HTTP

A namespace with 10 running experiments, `abtest serve` with the embedded store. `/config` is asked with the tag of the
current document and answers 304. OFREP evaluates one flag or all ten.

""" + "\n".join(rates(effort)) + "\n" + open_loop(effort) + "\n" + in_memory(effort)


def define_running(url, experiments, namespace="alephbet"):
    for number in range(experiments):
        body = {"status": "running", "variants": [{"name": "control"}, {"name": "green"}],
                "targeting": {"country": {"$in": ["DE", "AT"]}} if number % 2 == 0 else {"platform": "ios"}}
        call(url, "PUT", f"/experiments/experiment-{number}/definition?namespace={namespace}", body)


def questions(url):
    """What is asked: the path, the script of wrk, and headers."""
    tag = call(url, "GET", "/config")[0]["etag"]
    return {
        "/config, unchanged": ("/config", None, [f"If-None-Match: {tag}"]),
        "OFREP, one flag": ("/ofrep/v1/evaluate/flags/experiment-0", "ofrep.lua", []),
        "OFREP, all flags": ("/ofrep/v1/evaluate/flags", "ofrep.lua", []),
    }


def rates(effort):
    with contextlib.ExitStack() as stack:
        bare = listening(stack.enter_context(running(effort.program("bare_server"), stdout=subprocess.PIPE, text=True)))
        url = stack.enter_context(serve(effort))
        define_running(url, 10)
        for connections in (64, 256):
            measured = {}
            for _ in range(effort.rounds):
                for name, (path, script, headers) in questions(url).items():
                    for server, base in ((BARE, bare), ("abtest", url)):
                        rate = wrk(base + path, connections, effort.wrk_seconds, script, headers)
                        measured.setdefault((name, server), []).append(rate)
            rows = []
            for name in questions(url):
                ours, limit = (statistics.median(measured[name, server]) for server in ("abtest", BARE))
                found = measured[name, "abtest"]
                rows.append([name, f"{ours:,.0f}", f"{min(found):,.0f} to {max(found):,.0f}", f"{limit:,.0f}", f"{ours / limit:.0%}"])
            yield table([f"{connections} connections, requests/s", "abtest", "range", BARE, "of the bare server"], rows)


def open_loop(effort):
    """The times of answers at a fixed rate."""
    rows = []
    with serve(effort) as url, tempfile.TemporaryDirectory() as folder:
        define_running(url, 10)
        host = url.removeprefix("http://")
        tag = call(url, "GET", "/config")[0]["etag"]
        head = f"host: {host}\r\ncontent-type: application/json\r\ncontent-length: {len(CONTEXT)}"
        requests = {
            "/config, unchanged": f"GET /config HTTP/1.1\r\nhost: {host}\r\nif-none-match: {tag}\r\n\r\n",
            "OFREP, one flag": f"POST /ofrep/v1/evaluate/flags/experiment-0 HTTP/1.1\r\n{head}\r\n\r\n{CONTEXT}",
        }
        for name, text in requests.items():
            file = pathlib.Path(folder, "request")
            file.write_bytes(text.encode())
            for per_second in (5_000, 10_000, 15_000, 20_000):
                output = subprocess.run(
                    [effort.program("open_loop"), host, "64", str(per_second), str(effort.open_loop_seconds), file],
                    capture_output=True, text=True)
                if output.returncode != 0:
                    sys.exit(f"open_loop: {output.stderr}")
                found = json.loads(output.stdout)
                rows.append([name, f"{per_second:,}", f"{found['per_second']:,.0f}", f"{found['p50']:.1f} ms",
                             f"{found['p99']:.1f} ms", f"{found['p999']:.1f} ms"])
    return f"""Requests at a fixed rate over 64 connections for {effort.open_loop_seconds} s ("open loop"). A request's time counts from the moment when it
was due. The sender runs on the same machine, and its timer wakes up to 1 ms late.

""" + table(["request", "due per second", "answered per second", "median", "99%", "99.9%"], rows)


def in_memory(effort):
    """The memory of many published experiments, and when a change of one is served."""
    namespaces = max(1, effort.in_memory // 1_000)
    rows = []
    for store in ("embedded store", "Redis"):
        with contextlib.ExitStack() as stack:
            arguments = []
            if store == "Redis":
                arguments = ["--redis", f"redis://127.0.0.1:{stack.enter_context(redis())}/"]
            data = stack.enter_context(tempfile.TemporaryDirectory(dir=TARGET))
            with serve(effort, *arguments, data=data) as url:
                define(url, effort.in_memory, namespaces, status="running")
            # A process that starts anew holds what it serves, and not what writing it took.
            process, url = stack.enter_context(serving(effort, *arguments, data=data))
            before = resident(process)
            names = [f"namespace{number}" for number in range(namespaces)]
            first = timed(lambda: call(url, "GET", f"/config?namespace={names[0]}"))
            size = sum(len(call(url, "GET", f"/config?namespace={name}")[1]) for name in names)
            grown = resident(process) - before
            changes = [served_after(url, names[0], number * namespaces) for number in range(effort.reads)]
        rows.append([store, f"{grown / 2**20:.0f} MiB", f"{size / 1e6:.1f} MB", f"{first * 1e3:.0f} ms",
                     f"{statistics.median(changes) * 1e3:.0f} ms"])
    return f"""{effort.in_memory:,} running experiments in {namespaces} namespaces. A new process reads each namespace at its first request. A change is one
PATCH of an experiment and then `/config` with the new version, in the same process. Medians of {effort.reads} changes.

""" + table(["store", "memory of all", "documents", "first answer of a namespace", "change until it is served"], rows)


def resident(process):
    """Bytes of memory that a process holds."""
    pages = int(pathlib.Path(f"/proc/{process.pid}/statm").read_text().split()[1])
    return pages * 4096


def served_after(url, namespace, number):
    """Seconds from a change until `/config` has it."""
    path = f"/experiments/experiment{number}/definition?namespace={namespace}"
    before = json.loads(call(url, "GET", f"/config?namespace={namespace}")[1])["version"]
    start = time.perf_counter()
    call(url, "PATCH", path, {"weights": {"control": 60 + time.time_ns() % 30}})
    while json.loads(call(url, "GET", f"/config?namespace={namespace}")[1])["version"] == before:
        pass
    return time.perf_counter() - start
