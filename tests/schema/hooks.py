"""Rules that OpenAPI cannot state: Schemathesis would report their refusals as faults. And events,
so that the experiments that it names exist.
"""

import json
import os
import re
import urllib.error
import urllib.request

import schemathesis

MAX_NAME_BYTES = 200


def too_long(value) -> bool:
    """Whether a text within 200 characters has more than 200 bytes, which is the real limit."""
    if isinstance(value, dict):
        return any(too_long(member) for member in value.values())
    if isinstance(value, list):
        return any(too_long(element) for element in value)
    if not isinstance(value, str):
        return False
    return any(len(name.encode()) > MAX_NAME_BYTES for name in value.split(","))


def needs_sequential(query: dict) -> bool:
    """Whether looks lack their method or plan: `planned` and `looks` need `method=sequential`, and `looks` needs `planned`."""
    gives_looks = "planned" in query or "looks" in query
    return gives_looks and (query.get("method") != "sequential" or "planned" not in query)


def keeps_looks_in_order(query: dict) -> bool:
    """Whether `looks` holds growing numbers, at most 100, below `planned`."""
    looks = [int(look) for look in str(query.get("looks", "")).split(",") if look.isdigit()]
    return len(looks) <= 100 and looks == sorted(set(looks)) and 0 not in looks


def is_known(name: str, query: dict) -> bool:
    """Whether a control, a goal or a variant is one that `before_call` stores."""
    return name not in query or query[name] == "0"


def is_object(text) -> bool:
    """Whether a text is JSON of an object."""
    try:
        return isinstance(json.loads(text), dict)
    except (TypeError, ValueError):
        return False


def has_plain_value(event) -> bool:
    """Whether an event's value, if it has one, is a number without an exponent and with at most four decimals."""
    value = event.get("value") if isinstance(event, dict) else None
    return isinstance(value, (str, type(None))) or re.fullmatch(r"-?\d{1,11}(\.\d{1,4})?", json.dumps(value)) is not None


def is_positive(case) -> bool:
    """Whether the description allows the request."""
    return case.meta is not None and case.meta.generation.mode.is_positive


def has_condition(headers: dict) -> bool:
    """Whether the headers hold one condition at most, each as its pattern has it. Schemathesis sends `0` for a pattern
    with quotes.
    """
    patterns = {"if-match": r'"[0-9]{1,18}"|\*', "if-none-match": r"\*"}
    given = {name.lower(): str(value) for name, value in headers.items() if name.lower() in patterns}
    return len(given) < 2 and all(re.fullmatch(patterns[name], value) for name, value in given.items())


@schemathesis.hook
def filter_case(context, case) -> bool:
    """Whether to send the request: not if it breaks a rule that the description cannot state."""
    query = dict(case.query or {})
    # With a client key, the body has the events of another product.
    if case.operation.path == "/track" and "client_key" in query:
        return False
    if not is_positive(case):
        return True
    # An earlier answer has both.
    takes_memory = case.operation.path == "/assign" or case.operation.path.endswith("/explain")
    if takes_memory and ("variant" in query) != ("allocation" in query):
        return False
    if "attributes" in query and not is_object(query["attributes"]):
        return False
    path = dict(case.path_parameters or {})
    body = case.body if isinstance(case.body, (dict, list)) else {}
    if any(too_long(part) for part in (query, path, body)):
        return False
    if case.operation.path == "/track" and not all(map(has_plain_value, body if isinstance(body, list) else [body])):
        return False
    if not has_condition(dict(case.headers or {})):
        return False
    method = case.operation.method.upper()
    if method == "GET" and needs_sequential(query):
        return False
    if case.operation.path.endswith("/looks") and method == "POST" and "planned" not in query:
        return False
    # With a scope, the cursor must be one of its names.
    if "cursor" in query and "scope" in query:
        return False
    if path and not all(is_known(name, query) for name in ("control", "goal", "variant")):
        return False
    return keeps_looks_in_order(query)


@schemathesis.hook
def before_call(context, case, kwargs) -> None:
    """Stores an event, so that the experiment in the path exists. It has no participants: any
    number may be planned.
    """
    path = dict(case.path_parameters or {})
    if not is_positive(case) or "experiment" not in path:
        return
    event = {"experiment": path["experiment"], "variant": "0", "event": "0", "uuid": "0"}
    namespace = dict(case.query or {}).get("namespace")
    if namespace is not None:
        event["namespace"] = namespace
    request = urllib.request.Request(
        os.environ["ABTEST_URL"] + "/track",
        data=json.dumps(event).encode(),
        headers={"content-type": "application/json"},
    )
    try:
        urllib.request.urlopen(request, timeout=30).close()
    except urllib.error.HTTPError:
        pass  # The store may be at its limit of experiments; then the answer is 404.
