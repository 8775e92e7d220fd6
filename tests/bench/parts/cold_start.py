"""Cold start and size of the functions."""
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import zipfile

from effort import HERE, PYTHON
from page import table, times
from servers import gimel_folder, redis


def measure(effort):
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
