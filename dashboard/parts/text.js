// Texts from the open internet.

/** Characters that turn the direction of writing, break a line or move a cursor. */
const UNSEEN = /[\p{Cc}\u200e\u200f\u202a-\u202e\u2028\u2029\u2066-\u2069\ufeff]/gu

/**
 * A text as it can be shown: characters that could disguise it become code points.
 * @param {string} text
 */
export const printable = (text) =>
  text.replace(UNSEEN, (character) => `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`)

/** "1 variant", "2 variants". @param {number} number @param {string} noun @param {string} [shown] */
export const counted = (number, noun, shown = String(number)) => `${shown} ${noun}${number === 1 ? "" : "s"}`
