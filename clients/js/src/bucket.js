/**
 * From a seed and a unit to one of 10,000 buckets.
 * @module
 */

export const BUCKETS = 10_000;

/** Longest unit, in bytes of UTF-8. */
const MAX_UNIT_BYTES = 200;

const encoder = new TextEncoder();
let bytes = new Uint8Array(512);

/**
 * The bucket of a unit, 0 to 9,999.
 *
 * - `murmur3`: MurmurHash3_x86_32 with seed 0 over the UTF-8 bytes of `seed:unit`.
 * - `growthbook`: hash version 2 of GrowthBook's SDKs, FNV-1a twice over UTF-16 code units.
 * @param {"murmur3" | "growthbook"} hash
 * @param {string} seed
 * @param {string} unit
 * @returns {number}
 */
export function bucket(hash, seed, unit) {
  const value = hash === "growthbook" ? fnv1a(String(fnv1a(seed + unit))) : murmur3(`${seed}:${unit}`);
  return value % BUCKETS;
}

/**
 * The unit as a text, or `undefined` if it breaks the rule: 1 to 200 bytes of UTF-8 without control
 * characters and lone surrogates. Whole numbers count in decimal.
 * @param {unknown} unit
 * @returns {string | undefined}
 */
export function unitOf(unit) {
  const text = Number.isSafeInteger(unit) ? String(unit) : unit;
  if (typeof text !== "string" || text === "" || /[\p{Cc}\p{Cs}]/u.test(text)) return undefined;
  // A code unit takes 1 to 3 bytes.
  const fits = text.length * 3 <= MAX_UNIT_BYTES || encoder.encode(text).length <= MAX_UNIT_BYTES;
  return fits ? text : undefined;
}

/** @param {string} text */
function murmur3(text) {
  if (bytes.length < text.length * 3) bytes = new Uint8Array(text.length * 3);
  const length = encoder.encodeInto(text, bytes).written;
  let hash = 0;
  let index = 0;
  for (; index + 4 <= length; index += 4) {
    const block = bytes[index] | (bytes[index + 1] << 8) | (bytes[index + 2] << 16) | (bytes[index + 3] << 24);
    hash ^= mixed(block);
    hash = (hash << 13) | (hash >>> 19);
    hash = (Math.imul(hash, 5) + 0xe6546b64) | 0;
  }
  let tail = 0;
  for (let last = length - 1; last >= index; last--) tail = (tail << 8) | bytes[last];
  hash ^= mixed(tail) ^ length;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

/** @param {number} block */
function mixed(block) {
  const product = Math.imul(block, 0xcc9e2d51);
  return Math.imul((product << 15) | (product >>> 17), 0x1b873593);
}

/** @param {string} text */
function fnv1a(text) {
  let hash = 0x811c9dc5;
  for (let index = 0; index < text.length; index++) {
    hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193);
  }
  return hash >>> 0;
}
