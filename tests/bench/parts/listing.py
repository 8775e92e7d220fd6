"""The list of all experiments."""
import json
import pathlib
import statistics
import subprocess

from effort import PYTHON
from page import table, times
from servers import fill, gimel_folder, read_list, redis, serve, timed


def measure(effort):
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
