// Evaluations per second with the experiments of crates/assign/benches/evaluate.rs.
import { evaluate } from "../src/evaluate.js";

const hex = (number) => number.toString(16).padStart(8, "0");
const experiments = Array.from({ length: 10 }, (_, n) => ({
  name: `experiment-${n}`,
  id: hex(n),
  salt: `5a17000${n}`,
  status: "running",
  ring: hex(n),
  slots: n % 3 === 0 ? [[0, 5_000]] : [[0, 10_000]],
  targeting: n % 2 === 0 ? { country: { $in: ["DE", "AT", "CH"] } } : null,
  allocation: { number: 1, ranges: { control: [[0, 5_000]], green: [[5_000, 10_000]] } },
  variants: [{ name: "control" }, { name: "green" }],
  fallback: "control",
}));
const units = Array.from(
  { length: 1_024 },
  (_, n) => `${hex(Math.imul(n, 0x9e3779b9) >>> 0)}-0000-4000-8000-${n.toString(16).padStart(12, "0")}`,
);
const attributes = { country: "DE", platform: "ios", version: "1.2.3" };
const ROUNDS = 50_000;

for (const hash of ["murmur3", "growthbook"]) {
  let best = 0;
  let exposures = 0;
  for (let repeat = 0; repeat < 5; repeat++) {
    const start = performance.now();
    for (let round = 0; round < ROUNDS; round++) {
      const context = { unit: units[round % units.length], attributes };
      for (const experiment of experiments) exposures += Number(evaluate(experiment, hash, context).exposure);
    }
    const seconds = (performance.now() - start) / 1_000;
    best = Math.max(best, (ROUNDS * experiments.length) / seconds);
  }
  console.log(`${hash}: ${Math.round(best)} evaluations/s (${exposures} exposures)`);
}
