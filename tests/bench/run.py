#!/usr/bin/env python3
"""Measures abtest next to Gimel, to GrowthBook's SDKs and to what the machine can do, and writes docs/benchmarks.md.

    tests/bench/run.py                       measures everything and writes docs/benchmarks.md
    tests/bench/run.py --quick               tries the script: debug binaries, short rounds, written to target/
    tests/bench/run.py cold-start list       prints these parts only
    tests/bench/run.py --write cold-start    measures these parts again and replaces them in docs/benchmarks.md

Needs wrk, redis-server and what tests/install installs. Builds the binaries first. Run it while nothing else uses
the machine.

    effort.py    how often and how long
    servers.py   starts servers and sends them requests
    page.py      the text of the page
    parts/       one module per part of the page
"""
import argparse
import os
import shutil
import subprocess
import sys
import time

from effort import PROJECT, TARGET, Effort
from page import PAGE, heading, replaced, stamped
from parts import analysis, assignment, cold_start, dashboard, definitions, evaluation, listing, storage, throughput

PARTS = {"throughput": throughput, "evaluation": evaluation, "assignment": assignment, "cold-start": cold_start,
         "list": listing, "definitions": definitions, "storage": storage, "analysis": analysis, "dashboard": dashboard}


def main():
    arguments = parse()
    effort = Effort(arguments.quick)
    if shutil.which("wrk") is None:
        sys.exit("wrk is missing: install the Debian package wrk, then run this again")
    build(effort)
    sections = []
    for name in arguments.parts or PARTS:
        started, load = time.monotonic(), os.getloadavg()[0]
        print(f"measuring {name} …", file=sys.stderr)
        sections.append(stamped(PARTS[name].measure(effort), load))
        print(f"measured {name} in {time.monotonic() - started:.0f} s", file=sys.stderr)
    if arguments.parts and not arguments.write:
        print("\n".join(sections))
        return
    output = TARGET / "benchmarks-quick.md" if arguments.quick else PAGE
    page = output.read_text() if arguments.parts and output.exists() else heading(effort)
    output.write_text(replaced(page, sections))
    print(f"wrote {output}", file=sys.stderr)


def parse():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="try the script: debug binaries and short rounds; the figures mean nothing")
    parser.add_argument("--write", action="store_true", help="write the measured parts to the page; the others stay")
    parser.add_argument("parts", nargs="*", metavar="PART", help="one of " + ", ".join(PARTS))
    arguments = parser.parse_args()
    if unknown := set(arguments.parts) - set(PARTS):
        parser.error(f"unknown part {', '.join(sorted(unknown))}; there is {', '.join(PARTS)}")
    return arguments


def build(effort):
    for packages in [[effort.profile, "-p", "abtest", "-p", "abtest-bench"],
                     [effort.function_profile, "-p", "track", "-p", "assign", "-p", "experiments",
                      "--bin", "track", "--bin", "assign", "--bin", "experiments", "-p", "abtest-bench", "--bin", "hello_lambda"]]:
        command = ["cargo", "build", "--quiet", "--locked", "--profile", *packages]
        subprocess.run(command, cwd=PROJECT, check=True)


if __name__ == "__main__":
    main()
