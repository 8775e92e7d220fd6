"""Measures what values cost on Redis: bytes per paying unit, and events per second next to a plain goal.

Usage: tests/bench/values.py [SIZE …]   (units; by default 1000 10000 100000)

It starts target/debug/abtest (ABTEST sets another one) and a Redis of its own for each row. Every unit sends one
order with an id. Bytes are what Redis uses more than before; the rates of a debug build are good for comparison only.
"""

import concurrent.futures
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

KEY = "0123456789abcdef0123456789abcdef"
BATCH, SENDERS = 500, 4
ABTEST = os.environ.get("ABTEST", str(Path(__file__).resolve().parents[2] / "target/debug/abtest"))


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def ask(url, method, path, body=None):
    headers = {"content-type": "application/json", "x-api-key": KEY}
    request = urllib.request.Request(url + path, None if body is None else body, headers, method=method)
    with urllib.request.urlopen(request, timeout=60) as answer:
        return answer.read()


def wait(attempt):
    deadline = time.monotonic() + 30
    while True:
        try:
            return attempt()
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.02)


def used_memory(port):
    info = subprocess.run(["redis-cli", "-p", str(port), "info", "memory"], capture_output=True, text=True, check=True)
    return int(next(line for line in info.stdout.splitlines() if line.startswith("used_memory:")).split(":")[1])


def measure(counting, goal, units):
    """Bytes per unit and events per second of one goal."""
    redis_port, port = free_port(), free_port()
    url = f"http://127.0.0.1:{port}"
    with tempfile.TemporaryDirectory() as home:
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        environment = {**os.environ, "HOME": home, "XDG_STATE_HOME": home, "XDG_CONFIG_HOME": home, "ABTEST_API_KEY": KEY}
        redis = subprocess.Popen(["redis-server", "--port", str(redis_port), "--bind", "127.0.0.1", "--save", ""], **quiet)
        wait(lambda: socket.create_connection(("127.0.0.1", redis_port)).close())
        arguments = ["serve", "--redis", f"redis://127.0.0.1:{redis_port}", "--counting", counting, "--listen", f"127.0.0.1:{port}"]
        serve = subprocess.Popen([ABTEST, *arguments], env=environment, **quiet)
        try:
            wait(lambda: ask(url, "GET", "/livez"))
            goals = [{"name": "buy"}, {"name": "revenue", "kind": "value", "decimals": 2}]
            definition = {"variants": [{"name": "a"}, {"name": "b"}], "status": "running", "goals": goals}
            ask(url, "PUT", "/experiments/bench/definition", json.dumps(definition).encode())

            def event(number):
                one = {"experiment": "bench", "variant": "ab"[number % 2], "event": goal,
                       "uuid": f"{number:08x}-0000-4000-8000-000000000000", "allocation": 1}
                if goal == "revenue":
                    one |= {"value": f"{number * 7919 % 20000 / 100:.2f}", "id": f"order-{number}"}
                return one

            numbers = [range(start, min(start + BATCH, units)) for start in range(0, units, BATCH)]
            bodies = [json.dumps([event(number) for number in some]).encode() for some in numbers]
            ask(url, "POST", "/track", json.dumps([event(units), event(units + 1)]).encode())
            before, began = used_memory(redis_port), time.monotonic()
            with concurrent.futures.ThreadPoolExecutor(SENDERS) as senders:
                list(senders.map(lambda body: ask(url, "POST", "/track", body), bodies))
            seconds = time.monotonic() - began
            return (used_memory(redis_port) - before) / units, units / seconds
        finally:
            for process in (serve, redis):
                process.terminate()
                process.wait()


def main():
    sizes = [int(size) for size in sys.argv[1:]] or [1_000, 10_000, 100_000]
    print("| counting | goal | units | bytes per unit | events per second |\n|---|---|---|---|---|", flush=True)
    for counting in ("hll", "exact"):
        for goal in ("buy", "revenue"):
            for units in sizes:
                used, rate = measure(counting, goal, units)
                print(f"| {counting} | {goal} | {units:,} | {used:.1f} | {rate:,.0f} |", flush=True)


if __name__ == "__main__":
    main()
