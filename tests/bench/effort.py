"""What is measured, how often and how long; and where the programs are."""
import os
import pathlib

HERE = pathlib.Path(__file__).resolve().parent
PROJECT = HERE.parent.parent
TARGET = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", PROJECT / "target"))
PYTHON = TARGET / "testbed/python/bin"


class Effort:
    def __init__(self, quick):
        self.quick = quick
        # Functions as `abtest build` makes them, and the rest as `cargo build --release` does.
        self.profile, self.function_profile = ("dev", "dev") if quick else ("release", "function")
        self.rounds = 1 if quick else 5
        self.wrk_seconds = 1 if quick else 4
        self.starts = 3 if quick else 20
        self.experiments = (50, 100) if quick else (250, 1_000)
        self.reads = 3 if quick else 9
        self.gimel_reads = 1 if quick else 3
        self.definitions, self.namespaces, self.files = (200, 20, 50) if quick else (10_000, 1_000, 1_000)
        self.evaluations = 200_000 if quick else 5_000_000
        self.in_memory = 200 if quick else 10_000
        self.open_loop_seconds = 2 if quick else 10
        self.stored_events = (1_000, 10_000) if quick else (10_000, 100_000, 1_000_000)

    def program(self, name):
        return TARGET / self.profile.replace("dev", "debug") / name

    def function(self, name):
        return TARGET / self.function_profile.replace("dev", "debug") / name
