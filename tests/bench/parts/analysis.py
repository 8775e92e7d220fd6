"""The time of an analysis."""
import json
import shutil
import subprocess

from effort import PROJECT, TARGET
from page import table


def measure(effort):
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
