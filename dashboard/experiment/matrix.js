// Compares all variants with each other by one of four measures.
import { chooseField } from "../data/actions.js"
import { chance, lift, pValue, rate } from "../parts/figures.js"
import { html } from "../parts/html.js"
import { copies, figure, named, table } from "../parts/table.js"
import { printable } from "../parts/text.js"
import { term } from "../parts/words.js"

/** @import {GoalAnalysis, Square} from "../types.js" */

/** @typedef {"chance_to_beat" | "lift" | "p_value" | "expected_loss"} Measure */

/** @type {Record<Measure, {title: string, meaning: string}>} */
const MEASURES = {
  chance_to_beat: { title: "Chance to beat", meaning: "chance" },
  lift: { title: "Lift", meaning: "lift" },
  p_value: { title: "p-value, not corrected", meaning: "p_value" },
  expected_loss: { title: "Expected loss", meaning: "loss" }
}

/** @param {GoalAnalysis} goal @param {URLSearchParams} selected */
export function matrix(goal, selected) {
  const asked = selected.get("matrix") ?? ""
  const measure = /** @type {Measure} */ (asked in MEASURES ? asked : "chance_to_beat")
  const { title, meaning } = MEASURES[measure]
  /** @type {Square | null} */
  const square = goal.matrix[measure]
  const words = (/** @type {number | null} */ value) => {
    if (measure === "lift") return lift(value)
    if (measure === "p_value") return pValue(value)
    return measure === "expected_loss" ? rate(value, goal.kind) : chance(value)
  }
  const sheet = {
    title: `${printable(goal.goal)}: ${title}, row against column`,
    heads: [{ title: "Variant", number: false }, ...goal.variants.map(({ variant }) => ({ title: printable(variant), number: true }))],
    rows: goal.variants.map(({ variant }, row) => [
      named(variant),
      ...goal.variants.map((_, column) => {
        const value = square?.[row]?.[column] ?? null
        return row === column ? { text: "" } : figure(value, words(value))
      })
    ])
  }
  return html`
    <p class="tools">
      <label><span>Show</span>
        <select name="matrix" value=${measure} onChange=${chooseField}>
          ${Object.entries(MEASURES).map(([value, one]) => html`<option value=${value}>${one.title}</option>`)}
        </select></label>
      <span class="quiet">${term(meaning, title)} of the ${term("matrix", "row against the column")}</span>
    </p>
    ${goal.matrix.reason && html`<p class="quiet">${goal.matrix.reason}</p>`}
    ${table(sheet)}
    ${copies(sheet)}`
}
