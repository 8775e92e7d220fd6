"""Events per second."""
import contextlib
import statistics
import subprocess

from effort import HERE, PYTHON
from page import table, times
from servers import free_port, gimel_folder, listening, redis, running, serve, wait_for, wrk


def measure(effort):
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
            measured[name].append(wrk(url, connections, effort.wrk_seconds, "track.lua"))
    median = {name: statistics.median(rates) for name, rates in measured.items()}
    rows = [[name, f"{median[name]:,.0f}", f"{min(rates):,.0f} to {max(rates):,.0f}",
             f"{median[name] / median[BARE]:.0%}", times(median[name] / median[GIMEL])]
            for name, rates in measured.items()]
    return table([f"{connections} connections", "median", "range", "of the bare server", "times Gimel"], rows)
