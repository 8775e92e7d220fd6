"""Plays a random stream of values into a server, and compares what it adds up with a plain program.

Usage: stream.py URL KEY EVENTS SEED

The stream has duplicates, refunds, late events, values without an id, and orders that two browsers send at
once. Several senders send it in batches at the same time and repeat what was not acknowledged, so the server
may be killed and started again meanwhile. Prints one line of JSON; the exit status is 1 if anything differs.
"""

import concurrent.futures
import decimal
import json
import random
import sys
import time
import urllib.error
import urllib.request

VARIANTS = ["red", "blue", "green"]
CAP = decimal.Decimal("250")


def events(count, seed):
    """The stream. Who sends what first does not matter: an id has one unit and one value."""
    rng = random.Random(seed)
    units = max(count // 8, 10)
    sent = []
    for number in range(count):
        if sent and rng.random() < 0.25:
            # A retry, soon or late.
            at = rng.randrange(len(sent)) if rng.random() < 0.5 else max(len(sent) - rng.randrange(1, 50), 0)
            yield sent[at]
            continue
        unit = rng.randrange(units)
        event = {
            "experiment": "stream", "variant": VARIANTS[unit % 3], "event": "revenue", "uuid": f"unit-{unit}",
            "allocation": 1,
        }
        if rng.random() < 0.1:
            # A unit has one value without an id, and this one sends always the same.
            event["value"] = f"{unit % 997}.{unit % 100:02}"
        else:
            cents = int(rng.lognormvariate(3, 1.5) * 100) + 1
            sign = "-" if rng.random() < 0.15 else ""
            event["value"] = f"{sign}{cents // 100}.{cents % 100:02}"
            event["id"] = f"order-{seed}-{number}"
        sent.append(event)
        yield event


class Model:
    """Totals, as a plain program keeps them."""

    def __init__(self):
        self.seen, self.totals = set(), {}

    def add(self, event):
        unit = (event["variant"], event["uuid"])
        key = event.get("id") or unit
        if key not in self.seen:
            self.seen.add(key)
            self.totals[unit] = self.totals.get(unit, 0) + decimal.Decimal(event["value"])

    def sums(self, variant):
        capped = [max(-CAP, min(CAP, total)) for (of, _), total in self.totals.items() if of == variant]
        return len(capped), sum(capped, decimal.Decimal()), sum((one * one for one in capped), decimal.Decimal())


def ask(url, method, path, body=None, headers=()):
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url + path, data, {"content-type": "application/json", **dict(headers)}, method=method)
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.load(answer)


def send(url, batch):
    """Sends a batch until the server has acknowledged it."""
    deadline = time.monotonic() + 120
    while True:
        try:
            answer = ask(url, "POST", "/track", batch)
            if answer["accepted"] == len(batch):
                return
            reason = answer
        except urllib.error.HTTPError as error:
            if error.code not in (429, 503):
                raise
            reason = error
        except OSError as error:
            reason = error
        if time.monotonic() > deadline:
            raise SystemExit(f"a batch was not acknowledged: {reason}")
        time.sleep(0.05)


def main():
    url, key, count, seed = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
    decimal.getcontext().prec = 60
    goals = [{"name": "revenue", "kind": "value", "unit": "EUR", "decimals": 2, "cap": float(CAP)}]
    definition = {"variants": [{"name": name} for name in VARIANTS], "status": "running", "goals": goals}
    ask(url, "PUT", "/experiments/stream/definition", definition, [("x-api-key", key)])
    model, batches, batch = Model(), [], []
    for event in events(count, seed):
        model.add(event)
        batch.append(event)
        if len(batch) == 250:
            batches.append(batch)
            batch = []
    batches.append(batch)
    # Every tenth batch comes from two browsers at once.
    batches = [one for number, one in enumerate(batches) for _ in range(2 if number % 10 == 0 else 1) if one]
    began = time.monotonic()
    with concurrent.futures.ThreadPoolExecutor(6) as senders:
        list(senders.map(lambda batch: send(url, batch), batches))
    seconds = time.monotonic() - began
    report = ask(url, "GET", "/experiments/stream", None, [("x-api-key", key)])
    rows = {row["label"]: row for row in report["goals"][0]["values"]["results"]}
    differences = []
    for variant in VARIANTS:
        row = rows[variant]
        for sums in [row, *row["allocations"]]:
            found = (sums["units"], decimal.Decimal(sums["sum"]), decimal.Decimal(sums["sum_of_squares"]))
            if found != model.sums(variant):
                differences.append([variant, str(found), str(model.sums(variant))])
    print(json.dumps({
        "events": sum(map(len, batches)), "units": len(model.totals), "seconds": round(seconds, 1),
        "differences": differences,
    }))
    return 1 if differences else 0


if __name__ == "__main__":
    sys.exit(main())
