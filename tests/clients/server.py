"""OpenFeature's Python SDK with its OFREP provider. Prints what the SDK tells an application, as JSON.

usage: python server.py BASE_URL
"""

import dataclasses
import json
import sys

from openfeature import api
from openfeature.contrib.provider.ofrep import OFREPProvider
from openfeature.evaluation_context import EvaluationContext


def shown(details) -> dict:
    """The details as JSON has them, with the type of the value."""
    members = dataclasses.asdict(details)
    return {
        "value": members["value"],
        "type": type(members["value"]).__name__,
        "variant": members["variant"],
        "reason": members["reason"] and str(getattr(members["reason"], "value", members["reason"])),
        "errorCode": members["error_code"] and members["error_code"].value,
        "flagMetadata": dict(members["flag_metadata"]),
    }


api.set_provider(OFREPProvider(sys.argv[1]))
client = api.get_client()
unit = EvaluationContext("qa")
told = {
    "truth": client.get_boolean_details("truth", False, unit),
    "text": client.get_string_details("text", "default", unit),
    "number": client.get_float_details("number", 0.0, unit),
    "whole": client.get_integer_details("whole", 0, unit),
    "object": client.get_object_details("object", {}, unit),
    "unknown": client.get_string_details("no such flag", "default", unit),
    "nobody": client.get_string_details("text", "default", EvaluationContext()),
}
print(json.dumps({name: shown(details) for name, details in told.items()}))
