/**
 * What the browser says about its visitor: the unit, bots, and forced variants.
 * @module
 */

// Cubot is a maker of phones.
const BOTS = /(^|[^u])bot\b|crawl|spider|slurp|headless|lighthouse|bingpreview|facebookexternal/i;

/**
 * A new random unit.
 * @returns {string}
 */
export function newUnit() {
  // `randomUUID` needs HTTPS; this does not.
  return crypto.getRandomValues(new Uint32Array(4)).join("-");
}

/** Whether a program visits the page. */
export function isBot() {
  const { webdriver, userAgent } = globalThis.navigator ?? {};
  return webdriver === true || BOTS.test(userAgent);
}

/**
 * The variants that the address forces, each as `experiment:variant`. They stay for the session.
 * `?abtest=` ends that.
 * @param {import("./storage.js").Store} session
 * @returns {string[]}
 */
export function forcedVariants(session) {
  const given = new URLSearchParams(globalThis.location?.search).getAll("abtest");
  // No name contains a line break.
  if (given.length > 0) session.set("forced", given.join("\n"));
  return session.get("forced")?.split("\n") ?? [];
}
