"""GrowthBook's Python SDK. For each context and feature, prints the value, and the variant of an exposure.

usage: python growthbook_client.py API_HOST CLIENT_KEY QUESTIONS_FILE
"""

import json
import sys

from growthbook import GrowthBook

api_host, client_key, file = sys.argv[1:]
with open(file, encoding="utf-8") as questions:
    asked = json.load(questions)
client = GrowthBook(api_host=api_host, client_key=client_key)
client.load_features()


def answer(name: str) -> dict:
    """The answer for the current attributes."""
    result = client.eval_feature(name)
    is_exposed = result.source == "experiment" and result.experimentResult.inExperiment
    return {"value": result.value, "exposed": result.experimentResult.key if is_exposed else None}


answers = []
for context in asked["contexts"]:
    client.set_attributes({**context["attributes"], "id": context["unit"]})
    answers.append([answer(name) for name in asked["names"]])
print(json.dumps(answers))
