// Lists and tables as people type them, and back. Pure functions between text and JSON.

/** Words with commas between. @param {string} text @returns {string[]} */
export const parts = (text) => text.split(",").map((one) => one.trim()).filter(Boolean)

/** @param {string[]} list */
export const joined = (list) => list.join(", ")

/** A unit and its variant per line. The last = separates. @param {string} text @returns {Record<string, string>} */
export const pairs = (text) => table(text, "lastIndexOf", (one) => one)

/** A key and its text per line. The first = separates. @param {string} text @returns {Record<string, string>} */
export const labels = (text) => table(text, "indexOf", (one) => one)

/** An attribute and its values per line. @param {string} text @returns {Record<string, string[]>} */
export const segments = (text) => table(text, "indexOf", parts)

/** An attribute and its value per line. A value that is JSON keeps its type. @param {string} text @returns {Record<string, any>} */
export const attributes = (text) => table(text, "indexOf", (one) => {
  try {
    return JSON.parse(one)
  } catch {
    return one
  }
})

/** @param {Record<string, string>} one */
export const writePairs = (one) => lines(one, (value) => value)

/** @param {Record<string, string[]>} one */
export const writeSegments = (one) => lines(one, joined)

/**
 * @template T
 * @param {string} text
 * @param {"indexOf" | "lastIndexOf"} find
 * @param {(text: string) => T} read
 * @returns {Record<string, T>}
 */
function table(text, find, read) {
  const entries = text.split("\n").filter((line) => line.trim() !== "").map((line) => {
    const at = line[find]("=")
    // Without a value, the server says what is missing.
    return at < 0 ? [line.trim(), read("")] : [line.slice(0, at).trim(), read(line.slice(at + 1).trim())]
  })
  return Object.fromEntries(entries)
}

/** @param {Record<string, any>} one @param {(value: any) => string} write */
const lines = (one, write) => Object.entries(one).map(([key, value]) => `${key} = ${write(value)}`).join("\n")
