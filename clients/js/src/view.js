/**
 * The answers for one unit on one page view, and what is counted of them.
 * @module
 */

import { answerOf, bucket, evaluate, unitOf } from "./evaluate.js";

/**
 * @typedef {import("./evaluate.js").Answer} Answer
 *
 * @typedef {object} View
 * @property {(name: string, fallback?: string) => string | null} variant The variant's name. The
 *   first call fixes it for this page view, and counts the exposure if the unit takes part. Without
 *   an answer it is `fallback`, or null.
 * @property {<T>(name: string, fallback?: T) => T | null} payload The variant's payload; counts as
 *   `variant` does.
 * @property {(name: string) => Answer} answer The variant with its payload and the reason.
 * @property {(name: string) => void} goal The unit reached a goal. It is sent once for each
 *   experiment in which the unit was exposed and which declares the goal.
 */

/**
 * @param {object} parts
 * @param {unknown} parts.unit
 * @param {Record<string, unknown>} parts.attributes
 * @param {string[]} parts.forced
 * @param {import("./storage.js").Store} parts.store
 * @param {import("./queue.js").Queue} parts.queue
 * @param {() => import("./config.js").Published | undefined} parts.usable What answers come from.
 * @param {() => import("./config.js").Published | undefined} parts.known What goals come from.
 * @returns {View}
 */
export function createView({ unit, attributes, forced, store, queue, usable, known }) {
  /** @type {Map<string, Answer>} */
  const fixed = new Map();
  const id = unitOf(unit);
  const key = (/** @type {{id: string}} */ experiment) => `seen:${experiment.id}:${id}`;
  // Of an exposure, the variant, the allocation and the goals that were counted are stored as lines.
  // No name contains a line break.
  const read = (/** @type {{id: string}} */ experiment) => store.get(key(experiment))?.split("\n") ?? [];
  /**
   * Counts an event under the variant and the allocation of the exposure. A number that is missing or cannot be read is
   * not sent, because the server refuses such an event.
   * @param {string} experiment @param {string} variant @param {string} event @param {unknown} allocation
   */
  const count = (experiment, variant, event, allocation) =>
    queue.add({ experiment, variant, event, uuid: /** @type {string} */ (id), allocation: Number(allocation) || undefined });

  /** @param {string} name @returns {Answer} */
  const decide = (name) => {
    const published = usable();
    const experiment = published?.experiments.find((one) => one.name === name);
    const chosen = experiment?.variants.find((one) => forced.includes(`${name}:${one.name}`));
    if (chosen) return answerOf(experiment, chosen.name, "forced");
    const [seen, allocation] = experiment ? read(experiment) : [];
    const remembered = seen ? { variant: seen, allocation: Number(allocation) } : undefined;
    const answer = evaluate(experiment, published?.hash ?? "murmur3", { unit: id, attributes, remembered });
    const { variant, exposure } = answer;
    if (experiment && exposure && variant !== null && variant !== seen) {
      store.set(key(experiment), `${variant}\n${answer.allocation}`);
      count(name, variant, "participate", answer.allocation);
    }
    return answer;
  };

  /** @param {string} name */
  const answer = (name) => {
    let found = fixed.get(name);
    if (!found) fixed.set(name, (found = decide(name)));
    return found;
  };

  return {
    answer,
    variant: (name, fallback) => answer(name).variant ?? fallback ?? null,
    payload: (name, fallback) => /** @type {any} */ (answer(name).payload) ?? fallback ?? null,
    goal(name) {
      for (const experiment of known()?.experiments ?? []) {
        const [variant, allocation, ...counted] = read(experiment);
        const { goals = [] } = experiment;
        const declares = goals.length === 0 || goals.includes(bucket("murmur3", experiment.id, name));
        if (!variant || !declares || counted.includes(name)) continue;
        store.set(key(experiment), [variant, allocation, ...counted, name].join("\n"));
        count(experiment.name, variant, name, allocation);
      }
    },
  };
}
