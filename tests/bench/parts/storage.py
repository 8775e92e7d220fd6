"""Disk space of the embedded store."""
import pathlib
import tempfile

from effort import TARGET
from page import table
from servers import send, serve


def measure(effort):
    rows = []
    for events in effort.stored_events:
        with tempfile.TemporaryDirectory(dir=TARGET) as folder:
            with serve(effort, data=folder) as url:
                send(url, (
                    {"experiment": "button color", "variant": ("red", "blue")[number % 2],
                     "event": ("participate", "participate", "signup", "click")[number % 4],
                     "uuid": f"{number:08x}-7b1e-4000-8000-{number * 2654435761 % 2**48:012x}"}
                    for number in range(events)))
            size = sum(path.stat().st_blocks * 512 for path in pathlib.Path(folder).rglob("*") if path.is_file())
        rows.append([f"{events:,}", f"{size / 2**20:.1f} MiB", f"{size / events:,.0f} bytes"])
    return """## Disk space of the embedded store

After a normal stop, with different events whose uuids have 36 characters.

""" + table(["events", "disk space", "per event"], rows)
