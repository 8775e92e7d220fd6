"""The text of docs/benchmarks.md."""
import datetime
import os
import pathlib
import platform
import re
import statistics
import subprocess
import tempfile

from effort import PROJECT, TARGET
from servers import timed

PAGE = PROJECT / "docs/benchmarks.md"


def heading(effort):
    return f"""# Benchmarks

`tests/bench/run.py{' --quick' if effort.quick else ''}` wrote this page. Do not edit it: change the script and run it again.

- {processor()}, {os.cpu_count()} cores, {memory_gib():.0f} GiB of memory, {platform.system()} {platform.release()}.
- The disk syncs 4 KiB in {sync_time() * 1e6:.0f} µs (median of 200).
- wrk, Redis, Gimel and abtest share the machine. Compare the columns of a table rather than tables of two pages.
- Each part says when it was measured. A load average far above 1 means that other programs ran: its figures are too low.

"""


def stamped(section, load):
    """A section with the newest commit that changed the product, the time, and the load of the machine before it."""
    def git(*command):
        return subprocess.run(["git", *command], cwd=PROJECT, capture_output=True, text=True, check=True).stdout.strip()

    product = ["--", ".", ":!docs", ":!tests", ":!Cargo.lock"]
    changed = " with local changes" if git("status", "--porcelain", "--untracked-files=no", *product) else ""
    now = datetime.datetime.now(datetime.timezone.utc)
    stamp = f"Commit {git('log', '-1', '--format=%h', '--abbrev=10', *product)}{changed}, {now:%Y-%m-%d %H:%M} UTC, load average before it {load:.1f}."
    title, rest = section.split("\n", 1)
    return f"{title}\n\n{stamp}\n{rest}"


def replaced(page, sections):
    """The page with other sections in the place of those with the same titles. New ones go to the end."""
    head, *old = re.split(r"(?m)^(?=## )", page)
    title = lambda section: section.split("\n", 1)[0]
    by_title = {title(section): section for section in [*old, *sections]}
    return head.rstrip() + "\n\n" + "\n".join(section.rstrip() + "\n" for section in by_title.values())


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


def table(head, rows):
    lines = [head, ["---"] * len(head), *rows]
    return "".join("| " + " | ".join(line) + " |\n" for line in lines)


def times(ratio):
    """A ratio to two digits."""
    return f"{ratio:.1f}" if ratio < 10 else f"{ratio:.0f}"
