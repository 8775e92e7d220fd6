"""Writes vectors.json: buckets of units of every length, from PyPI's mmh3 and growthbook.

    pip install mmh3==5.3.1 growthbook==4.0.0
    python crates/assign/tests/vectors.py
"""

import json
import pathlib
import random

import mmh3
from growthbook.core import gbhash

ALPHABETS = ["abcdefghijklmnopqrstuvwxyz0123456789-", "aé", "日本語", "😀🎯", "a:é日😀 "]


def case(rng: random.Random, length: int) -> dict:
    seed = "".join(rng.choices("ABCxyz019_-", k=rng.randint(1, 64)))
    alphabet = ALPHABETS[length % len(ALPHABETS)]
    unit = ""
    while len((unit + alphabet[-1]).encode()) <= length:
        unit += rng.choice([c for c in alphabet if len((unit + c).encode()) <= length])
    unit = unit or "x"
    return {
        "seed": seed,
        "unit": unit,
        "murmur3": mmh3.hash(f"{seed}:{unit}", 0, signed=False) % 10_000,
        "growthbook": round(gbhash(seed, unit, 2) * 10_000),
    }


rng = random.Random(1)
cases = [case(rng, length) for length in range(1, 201) for _ in range(2)]
path = pathlib.Path(__file__).with_name("vectors.json")
lines = ",\n".join(json.dumps(case, ensure_ascii=False) for case in cases)
path.write_text(f"[\n{lines}\n]\n", encoding="utf-8")
