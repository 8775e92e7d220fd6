"""The weight of the page."""
import statistics

from page import table
from servers import KEY, browser, fill, serve


def measure(effort):
    with serve(effort) as url, browser() as run:
        fill(url, 7)
        script = {"a list of 7 experiments": [], "one experiment": []}
        weights = []
        for _ in range(effort.rounds):
            found, weight = script_times(run, url)
            weights.append(weight)
            for view, milliseconds in zip(script, found):
                script[view].append(milliseconds)
    rows = [["all files that one view loads", f"{max(weights):,} bytes"]]
    rows += [[f"script until the view is complete: {view}", f"{statistics.median(found):.0f} ms"]
             for view, found in script.items()]
    return f"""## The page

Without compression. Script time as Chromium counts it, medians of {effort.rounds} loads.

""" + table(["page", "measured"], rows)


def script_times(run, url):
    """Milliseconds of script for the list and for one experiment, each after a reload; and the bytes of the list."""
    reader = run("read", url=url + "/")
    run("fill", reader=reader, selector="#key", text=KEY)
    run("click", reader=reader, selector="#login button")
    found = []
    for hash, complete in [("#/", "ol.rows .verdict .badge"), ("#/experiment/experiment%201", "section.goal")]:
        run("go", reader=reader, hash=hash)
        run("see", reader=reader, selector=complete)
        run("reload", reader=reader)
        run("see", reader=reader, selector=complete)
        found.append(run("cost", reader=reader)["script"])
    weight = run("cost", reader=reader)["bytes"]
    run("close", reader=reader)
    return found, weight
