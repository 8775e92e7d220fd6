"""The real gimel package, driven by lines of JSON: {"call": handler, "events": [arguments, ...]}.

Gimel reads its config.json from the working folder. Each answer is a line: a list of results.
"""
import json
import sys

from gimel import gimel

for line in sys.stdin:
    request = json.loads(line)
    handler = getattr(gimel, request["call"])
    print(json.dumps([handler(event, None) for event in request["events"]]), flush=True)
