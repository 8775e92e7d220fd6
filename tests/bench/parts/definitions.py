"""Many definitions in many namespaces."""
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile

from page import table
from servers import KEY, browser, define, definition_of, namespace_of, read_list, redis, serve, timed


def measure(effort):
    rows = []
    with redis() as port:
        for store, arguments in [("embedded store", []), ("Redis", ["--redis", f"redis://127.0.0.1:{port}/"])]:
            with serve(effort, *arguments) as url, tempfile.TemporaryDirectory() as folder:
                define(url, effort.definitions, effort.namespaces)
                middle = namespace_of(effort.definitions // 2, effort.namespaces)
                query = f"namespace={middle}"
                listed = sum(len(json.loads(page)) - 1 for page in read_list(url, query))
                assert listed == effort.definitions // effort.namespaces, f"{listed} in {middle}"
                seconds = [timed(lambda: read_list(url, query)) for _ in range(effort.reads)]
                plan = write_files(folder, effort)
                planned = [timed(lambda: plan(url)) for _ in range(effort.gimel_reads)]
                script = list_script(effort, url, middle)
            rows.append([store, f"{statistics.median(seconds) * 1e3:.1f} ms", f"{statistics.median(script):.0f} ms",
                         f"{statistics.median(planned):.2f} s"])
    each = effort.definitions // effort.namespaces
    return f"""## Many definitions

{effort.definitions:,} definitions in {effort.namespaces:,} namespaces. The list and the page show one namespace, with {each} experiments. The plan
compares {effort.files:,} files with the server and finds nothing to change. Medians of {effort.reads} lists, {effort.rounds} pages and {effort.gimel_reads} plans.

""" + table(["store", "list", "script of the page", f"plan of {effort.files:,} files"], rows)


def write_files(folder, effort):
    """Writes the first definitions as files. Returns what plans them."""
    for number in range(effort.files):
        content = {"name": f"experiment{number}", "namespace": namespace_of(number, effort.namespaces), **definition_of(number)}
        pathlib.Path(folder, f"{number}.json").write_text(json.dumps(content))

    def plan(url):
        command = [effort.program("abtest"), "experiments", "apply", folder, "--plan", "--check", "--url", url]
        output = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "ABTEST_API_KEY": KEY})
        if output.returncode != 0:
            sys.exit(f"apply --plan: {output.stdout[-500:]}{output.stderr}")

    return plan


def list_script(effort, url, namespace):
    """Milliseconds of script until the list of a namespace is complete, per load."""
    with browser() as run:
        reader = run("read", url=url + "/")
        run("fill", reader=reader, selector="#key", text=KEY)
        run("click", reader=reader, selector="#login button")
        run("go", reader=reader, hash=f"#/?namespace={namespace}")
        found = []
        for _ in range(effort.rounds):
            run("see", reader=reader, selector="ol.rows h2")
            run("reload", reader=reader)
            run("see", reader=reader, selector="ol.rows h2")
            found.append(run("cost", reader=reader)["script"])
    return found
