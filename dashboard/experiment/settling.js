// The lift at the end of each day with its always-valid interval.
import { between, lift } from "../parts/figures.js"
import { html, name } from "../parts/html.js"
import { aroundLifts, place } from "../parts/interval.js"
import { copies, figure, table } from "../parts/table.js"
import { printable } from "../parts/text.js"
import { term } from "../parts/words.js"

/** @import {Experiment, HistoryRow} from "../types.js" */

/** Most charts. */
const MOST = 6

/** @param {Experiment} experiment */
export function settling({ history }) {
  if (!history || history.days.length < 2 || history.rows.length === 0) return null
  const rows = history.rows.slice(0, MOST)
  const sheet = asSheet(history.days, rows)
  return html`<section class="card" id="settling" key="settling">
    <h2>Lift over time</h2>
    <p class="quiet">The lift over the control at the end of each day, with its ${term("always_valid", "always-valid")} interval.</p>
    ${rows.map((row) => chart(row, history.days))}
    <details><summary>Lifts as a table</summary>${table(sheet)}${copies(sheet)}</details>
  </section>`
}

/** @param {HistoryRow} row @param {string[]} days */
function chart({ goal, variant, lift: lifts, low, high }, days) {
  const points = days.map((day, index) => ({ time: Date.parse(day), low: low[index], at: lifts[index], high: high[index] }))
  const scale = aroundLifts(points)
  const [first, last] = [points[0]?.time ?? 0, points.at(-1)?.time ?? 1]
  if (scale === null) return null
  const at = (/** @type {number} */ time, /** @type {number} */ value) =>
    `${(100 * (time - first) / (last - first)).toFixed(2)},${(100 - place(scale, value)).toFixed(2)}`
  const known = (/** @type {"low" | "at" | "high"} */ what) =>
    points.flatMap((point) => (point[what] == null ? [] : [at(point.time, point[what])]))
  return html`<figure class="chart" key="${goal} ${variant}">
    <figcaption><strong>${name(variant)}</strong> on ${name(goal)}<span class="quiet"> now ${lift(lifts.at(-1))} (${between(low.at(-1), high.at(-1))})</span></figcaption>
    <svg aria-hidden="true" viewBox="0 0 100 100" preserveAspectRatio="none">
      <polygon class="band" points=${[...known("low"), ...known("high").reverse()].join(" ")} />
      <polyline class="none" points="${at(first, 0)} ${at(last, 0)}" />
      <polyline class="line" points=${known("at").join(" ")} />
    </svg>
    <p class="ends quiet"><span>${days[0]}</span><span>${days.at(-1)}</span></p>
  </figure>`
}

/** @param {string[]} days @param {HistoryRow[]} rows */
function asSheet(days, rows) {
  return {
    title: "Lifts by day",
    heads: [
      { title: "Day (UTC)", number: false }, { title: "Goal", number: false }, { title: "Variant", number: false },
      ...["Lift", "Lift from", "Lift to"].map((title) => ({ title, number: true }))
    ],
    rows: rows.flatMap((row) => days.map((day, index) => [
      { text: day }, { text: printable(row.goal), isName: true }, { text: printable(row.variant), isName: true },
      figure(row.lift[index], lift(row.lift[index])), figure(row.low[index], lift(row.low[index])), figure(row.high[index], lift(row.high[index]))
    ]))
  }
}
