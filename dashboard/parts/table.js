// Tables as data. The same cells are shown, copied as Markdown and copied as CSV.
import { copyButton } from "./clipboard.js"
import { csv, markdown } from "./copy.js"
import { html, name } from "./html.js"

/** @import {Content} from "./html.js" */

/**
 * @typedef {object} Cell
 * @property {string} text the text that is shown
 * @property {number | string | null} [value] the full value, if the text is rounded
 * @property {boolean} [isName] whether the text comes from an event, so anybody can choose it
 *
 * @typedef {object} Sheet
 * @property {string} title
 * @property {{title: string, number: boolean, shown?: Content}[]} heads
 * @property {Cell[][]} rows the first cell of a row is its head
 */

/** @param {string} text @returns {Cell} */
export const named = (text) => ({ text, isName: true })

/** @param {number | null | undefined} value @param {string} text @returns {Cell} */
export const figure = (value, text) => ({ value: value ?? null, text })

/** A rounded text with its full value. @param {number | string | null | undefined} value @param {string} text */
export const exact = (value, text) => (value == null ? text : html`<data value=${value}>${text}</data>`)

/** @param {Sheet} sheet */
export function table({ title, heads, rows }) {
  const kind = (/** @type {number} */ column) => heads[column]?.number && "number"
  return html`<div class="scroll" tabindex="0" role="region" aria-label=${title}>
    <table>
      <caption class="unseen">${title}</caption>
      <thead><tr>${heads.map((head, column) => html`<th scope="col" class=${kind(column)}>${head.shown ?? head.title}</th>`)}</tr></thead>
      <tbody>${rows.map((row) => html`<tr>${row.map((cell, column) => column === 0
        ? html`<th scope="row" class=${kind(column)}>${inside(cell)}</th>`
        : html`<td class=${kind(column)}>${inside(cell)}</td>`)}</tr>`)}</tbody>
    </table>
  </div>`
}

/** @param {Cell} cell */
const inside = ({ text, value, isName }) => (isName ? name(text) : exact(value, text))

/** Buttons that copy the table. @param {Sheet} sheet */
export const copies = (sheet) => html`<div class="copies">
  ${copyButton(() => markdown(sheet), "Copy as Markdown")}
  ${copyButton(() => csv(sheet), "Copy as CSV")}
</div>`
