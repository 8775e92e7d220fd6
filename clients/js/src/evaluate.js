/**
 * The answer for one unit and one experiment of a published document (`GET /config`).
 * @module
 */

import { BUCKETS, bucket, unitOf } from "./bucket.js";
import { matches } from "./targeting.js";

export { bucket, matches, unitOf };

/**
 * @typedef {[from: number, to: number]} Range Half-open.
 *
 * @typedef {object} Experiment An element of `experiments` in the published document.
 * @property {string} name
 * @property {string} id
 * @property {string} salt
 * @property {"draft" | "running" | "paused" | "completed"} status
 * @property {string} ring
 * @property {Range[]} slots
 * @property {{number: number, ranges: Record<string, Range[]>} | null} [allocation]
 * @property {Record<string, unknown> | null} [targeting]
 * @property {{name: string, payload?: unknown}[]} variants
 * @property {string} fallback
 * @property {string | null} [winner]
 * @property {Record<string, string>} [overrides]
 * @property {string[]} [requires]
 * @property {number[]} [goals] `bucket("murmur3", id, name)` of each declared goal.
 *
 * @typedef {object} Context
 * @property {unknown} unit A text of 1 to 200 bytes, or a whole number.
 * @property {Record<string, unknown>} [attributes]
 * @property {{variant: string, allocation: number}} [remembered] An earlier answer.
 *
 * @typedef {"no_unit" | "unknown" | "override" | "disabled" | "bot" | "targeting" | "winner" | "traffic" | "split" | "forced"} Reason
 *
 * @typedef {object} Answer
 * @property {string | null} variant Null stands for the caller's default.
 * @property {unknown} payload Undefined without a payload.
 * @property {Reason} reason
 * @property {boolean} exposure Send `participate` only if true.
 * @property {number | null} allocation
 */

/**
 * The answer for a unit: the first step that decides.
 * @param {Experiment | undefined} experiment Undefined if it is not in the published document.
 * @param {"murmur3" | "growthbook"} hash The namespace's hash.
 * @param {Context} context
 * @returns {Answer}
 */
export function evaluate(experiment, hash, context) {
  const unit = unitOf(context.unit);
  if (unit === undefined) return answerOf(experiment, null, "no_unit");
  // Abilities that this version has: none beyond the format itself.
  if (!experiment || experiment.requires?.length) return answerOf(experiment, null, "unknown");
  const { status, overrides, fallback, targeting, allocation } = experiment;
  const attributes = context.attributes ?? {};
  if (overrides && status !== "completed" && Object.hasOwn(overrides, unit)) {
    return answerOf(experiment, overrides[unit], "override");
  }
  if (status === "draft" || status === "paused") return answerOf(experiment, fallback, "disabled");
  if (attributes.bot === true) return answerOf(experiment, fallback, "bot");
  if (targeting && !matches(targeting, unit, attributes)) return answerOf(experiment, fallback, "targeting");
  if (status === "completed") return answerOf(experiment, experiment.winner ?? fallback, "winner");
  if (!hasSlot(experiment, hash, unit)) return answerOf(experiment, fallback, "traffic");
  const { remembered } = context;
  if (remembered && allocation && experiment.variants.some(({ name }) => name === remembered.variant)) {
    const number = Math.min(Math.max(remembered.allocation, 1), allocation.number);
    return answerOf(experiment, remembered.variant, "split", number);
  }
  const ranges = allocation?.ranges ?? {};
  const point = bucket(hash, experiment.salt, unit);
  for (const name in ranges) {
    if (contains(ranges[name], point)) return answerOf(experiment, name, "split", allocation?.number);
  }
  return answerOf(experiment, fallback, "traffic");
}

/**
 * @param {Experiment} experiment
 * @param {"murmur3" | "growthbook"} hash
 * @param {string} unit
 */
function hasSlot({ slots, ring }, hash, unit) {
  if (slots.length === 1 && slots[0][0] === 0 && slots[0][1] === BUCKETS) return true;
  return slots.length > 0 && contains(slots, bucket(hash, ring, unit));
}

/** @param {Range[]} ranges @param {number} point */
function contains(ranges, point) {
  for (const [from, to] of ranges) if (from <= point && point < to) return true;
  return false;
}

/**
 * An answer with the variant's payload.
 * @param {Experiment | undefined} experiment
 * @param {string | null} name
 * @param {Reason} reason
 * @param {number | null} [allocation]
 * @returns {Answer}
 */
export function answerOf(experiment, name, reason, allocation = null) {
  const variant = experiment?.variants.find((variant) => variant.name === name);
  return { variant: name, payload: variant?.payload, reason, exposure: reason === "split", allocation };
}
