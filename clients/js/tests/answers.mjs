// Reads cases as lines of JSON and prints one answer per line, for the comparison with the crate.
import { createInterface } from "node:readline";

import { evaluate } from "../src/evaluate.js";

for await (const line of createInterface({ input: process.stdin })) {
  const { experiment, hash, context } = JSON.parse(line);
  const { variant, payload, reason, exposure, allocation } = evaluate(experiment, hash, context);
  process.stdout.write(`${JSON.stringify({ variant, payload: payload ?? null, reason, exposure, allocation })}\n`);
}
