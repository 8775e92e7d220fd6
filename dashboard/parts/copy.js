// Tables as Markdown and CSV. Names cannot become formulas or markup where they are pasted.
import { printable } from "./text.js"

/** @import {Sheet} from "./table.js" */

/** The start of a formula in spreadsheets (OWASP, CSV injection). */
const FORMULA = /^\s*[=+\-@＝＋－＠|%]/u

/** CSV by RFC 4180, with all digits. @param {Sheet} sheet */
export function csv({ heads, rows }) {
  const head = heads.map(({ title }) => field(inert(title)))
  const body = rows.map((row) => row.map(({ text, value, isName }) => {
    if (isName || value === undefined) return field(inert(text))
    return value === null ? "" : field(String(value))
  }))
  return [head, ...body].map((line) => line.join(",") + "\r\n").join("")
}

/** A text that no spreadsheet reads as a formula. @param {string} text */
function inert(text) {
  const shown = printable(text)
  return FORMULA.test(shown) ? `'${shown}` : shown
}

/** @param {string} text */
const field = (text) => (/[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text)

/** @param {Sheet} sheet */
export function markdown({ title, heads, rows }) {
  const line = (/** @type {string[]} */ cells) => `| ${cells.join(" | ")} |\n`
  return `**${escaped(title)}**\n\n` +
    line(heads.map((head) => escaped(head.title))) +
    line(heads.map(({ number }) => (number ? "--:" : "---"))) +
    rows.map((row) => line(row.map(({ text }) => escaped(text)))).join("")
}

/**
 * A text that Markdown shows unchanged. In CommonMark a backslash makes any punctuation literal.
 * @param {string} text
 */
const escaped = (text) => printable(text).replace(/[!-$&*+\-./:-@[-`{-~]/g, "\\$&")
