import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { bucket, evaluate, matches, unitOf } from "../src/evaluate.js";

const read = (path) =>
  JSON.parse(readFileSync(new URL(`../../../crates/assign/tests/${path}`, import.meta.url), "utf8"));

test("buckets equal the reference vectors", () => {
  const { cases } = read("buckets.json");
  assert.equal(cases.length, 60);
  for (const { seed, unit, murmur3, growthbook } of [...cases, ...read("vectors.json")]) {
    assert.equal(bucket("murmur3", seed, unit), murmur3, `${seed} ${unit}`);
    assert.equal(bucket("growthbook", seed, unit), growthbook, `${seed} ${unit}`);
  }
});

test("all conditions of GrowthBook's specification without groups give its answers", () => {
  const cases = read("growthbook/cases.json").evalCondition.filter((one) => one.length === 4);
  assert.equal(cases.length, 572);
  for (const [name, condition, attributes, expected] of cases) {
    assert.equal(matches(condition, undefined, attributes), expected, name);
  }
});

test("a unit is a text of 1 to 200 bytes without control characters, or a whole number", () => {
  assert.equal(unitOf("a"), "a");
  assert.equal(unitOf(-12), "-12");
  assert.equal(unitOf("é".repeat(100)), "é".repeat(100));
  for (const unit of ["", "a\nb", "\u0085", "\ud800", "x".repeat(201), "é".repeat(101), 1.5, null, undefined, {}]) {
    assert.equal(unitOf(unit), undefined, String(unit));
  }
});

test("an experiment that is not published gives the caller's default", () => {
  const answer = evaluate(undefined, "murmur3", { unit: "u" });
  assert.deepEqual(answer, {
    variant: null, payload: undefined, reason: "unknown", exposure: false, allocation: null,
  });
});
