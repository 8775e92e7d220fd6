"""Evaluations per second, next to GrowthBook's SDKs."""
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile

from effort import HERE, TARGET
from page import table, times
from servers import call, serve

EXPERIMENTS = 10


def measure(effort):
    with serve(effort) as url, tempfile.TemporaryDirectory() as folder:
        documents = {hash: write_documents(url, hash, pathlib.Path(folder)) for hash in ("murmur3", "growthbook")}
        growthbook = build_growthbook(effort)
        rust, node = [effort.program("evaluate")], ["node", HERE / "evaluate.mjs", "abtest"]
        programs = {
            "abtest in Rust, murmur3": [*rust, documents["murmur3"]["config"]],
            "abtest in Rust, growthbook": [*rust, documents["growthbook"]["config"]],
            "growthbook-rust 0.4.0": [growthbook, documents["growthbook"]["features"]],
            "abtest in Node, murmur3": [*node, documents["murmur3"]["config"]],
            "abtest in Node, growthbook": [*node, documents["growthbook"]["config"]],
            SDK: ["node", HERE / "evaluate.mjs", "growthbook", documents["growthbook"]["features"]],
        }
        measured = {name: [] for name in programs}
        for _ in range(effort.rounds):
            for name, command in programs.items():
                output = subprocess.run([str(part) for part in [*command, effort.evaluations]],
                                        capture_output=True, text=True)
                if output.returncode != 0:
                    sys.exit(f"{name}: {output.stderr}")
                measured[name].append(json.loads(output.stdout))
    exposures = {name: found[0]["exposures"] for name, found in measured.items()}
    same = {exposures[name] for name in programs if "murmur3" not in name}
    assert len(same) == 1, f"the programs disagree: {exposures}"
    median = {name: statistics.median(one["per_second"] for one in found) for name, found in measured.items()}
    peers = {"Rust": "growthbook-rust 0.4.0", "Node": SDK}
    rows = []
    for name, found in measured.items():
        rates = [one["per_second"] for one in found]
        peer = peers["Rust" if "ust" in name else "Node"]
        rows.append([name, f"{median[name]:,.0f}", f"{min(rates):,.0f} to {max(rates):,.0f}", times(median[name] / median[peer])])
    return f"""## Evaluations per second

{EXPERIMENTS} running experiments per unit, on one core: every second one has targeting, every third one half of the traffic. All
programs read what one server answers, and with the hash growthbook all find the same exposures. Medians of {effort.rounds} runs
of {effort.evaluations:,} evaluations. One evaluation is the answer for one experiment.

""" + table(["program", "median", "range", "times GrowthBook's SDK"], rows)


SDK = "@growthbook/growthbook 1.8.0 in Node"


def write_documents(url, hash, folder):
    """Defines the experiments, and writes what clients read. Returns the files."""
    call(url, "PATCH", f"/settings?namespace={hash}", {"hash": hash})
    for number in range(EXPERIMENTS):
        body = {"status": "running", "variants": [{"name": "control"}, {"name": "green"}],
                "traffic": 50 if number % 3 == 0 else 100,
                "targeting": {"country": {"$in": ["DE", "AT", "CH"]}} if number % 2 == 0 else None,
                "id": f"{number:08x}", "salt": f"5a17{number:04x}"}
        call(url, "PUT", f"/experiments/experiment-{number}/definition?namespace={hash}",
             {member: value for member, value in body.items() if value is not None})
    files = {}
    paths = {"config": f"/config?namespace={hash}", **({"features": f"/api/features/{hash}"} if hash == "growthbook" else {})}
    for name, path in paths.items():
        files[name] = folder / f"{hash}-{name}.json"
        files[name].write_bytes(call(url, "GET", path)[1])
    return files


def build_growthbook(effort):
    """Builds the program with GrowthBook's SDK, which is no part of the product's workspace."""
    target = TARGET / "growthbook"
    profile = [] if effort.quick else ["--release"]
    subprocess.run(["cargo", "build", "--quiet", "--locked", *profile], cwd=HERE / "growthbook-rust", check=True,
                   env={**os.environ, "CARGO_TARGET_DIR": str(target)})
    return target / ("debug" if effort.quick else "release") / "growthbook-bench"
