// Tables as data. The same cells are shown, copied as Markdown and copied as CSV.
import { h, name } from "./dom.js"
import { csv, markdown } from "./copy.js"

/**
 * @typedef {object} Cell
 * @property {string} text the text that is shown
 * @property {number | string | null} [value] the full value, if the text is rounded
 * @property {boolean} [isName] whether the text comes from an event, so anybody can choose it
 *
 * @typedef {object} Sheet
 * @property {string} title
 * @property {{title: string, number: boolean, shown?: Node}[]} heads
 * @property {Cell[][]} rows the first cell of a row is its head
 */

/** @param {string} text @returns {Cell} */
export const named = (text) => ({ text, isName: true })

/** @param {number | null | undefined} value @param {string} text @returns {Cell} */
export const figure = (value, text) => ({ value: value ?? null, text })

/** The content of a cell. @param {Cell} cell */
export function inside({ text, value, isName }) {
  if (isName) return name(text)
  return value == null ? text : h("data", { value }, text)
}

/** @param {Sheet} sheet */
export function table({ title, heads, rows }) {
  return h("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": title },
    h("table", {},
      h("caption", { class: "unseen" }, title),
      h("thead", {}, h("tr", {}, heads.map((head) =>
        h("th", { scope: "col", class: head.number && "number" }, head.shown ?? head.title)))),
      h("tbody", {}, rows.map((row) => h("tr", {}, row.map((cell, column) =>
        h(column === 0 ? "th" : "td", { scope: column === 0 && "row", class: heads[column]?.number && "number" }, inside(cell))))))))
}

/** Buttons that copy the table. @param {Sheet} sheet */
export const copies = (sheet) => h("div", { class: "copies" },
  h("button", { type: "button", "data-copy": markdown(sheet) }, "Copy as Markdown"),
  h("button", { type: "button", "data-copy": csv(sheet) }, "Copy as CSV"))
