// Tables as Markdown and CSV that stay harmless wherever they are pasted, and the clipboard.
import { printable } from "./dom.js"

/** @import {Sheet} from "./table.js" */

/** What spreadsheets take for the start of a formula (OWASP, CSV injection). */
const FORMULA = /^\s*[=+\-@＝＋－＠|%]/u

/** RFC 4180, with numbers to the last digit. @param {Sheet} sheet */
export function csv({ heads, rows }) {
  const head = heads.map(({ title }) => field(inert(title)))
  const body = rows.map((row) => row.map(({ text, value, isName }) => {
    if (isName || value === undefined) return field(inert(text))
    return value === null ? "" : field(String(value))
  }))
  return [head, ...body].map((line) => line.join(",") + "\r\n").join("")
}

/** A text that no spreadsheet takes for a formula. @param {string} text */
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
 * A text that Markdown shows as it is: CommonMark takes every punctuation character after a
 * backslash literally.
 * @param {string} text
 */
const escaped = (text) => printable(text).replace(/[!-$&*+\-./:-@[-`{-~]/g, "\\$&")

/** Puts a text on the clipboard; also where the page is not of a secure origin. @param {string} text */
export async function toClipboard(text) {
  if (navigator.clipboard) return navigator.clipboard.writeText(text)
  const area = document.createElement("textarea")
  area.value = text
  area.className = "unseen"
  document.body.append(area)
  area.select()
  const copied = document.execCommand("copy")
  area.remove()
  if (!copied) throw new Error("the browser does not let the page copy")
}
