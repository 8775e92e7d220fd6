// Compares all variants with each other by one of four measures.
import { h, printable } from "./dom.js"
import { chance, lift, pValue, rate } from "./figures.js"
import { copies, figure, named, table } from "./table.js"
import { term } from "./words.js"

/** @import {GoalAnalysis, Square} from "./types.js" */

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
  return [
    h("p", { class: "tools" },
      h("label", {}, h("span", {}, "Show"),
        h("select", { "data-select": "matrix" }, Object.entries(MEASURES).map(([value, one]) =>
          h("option", { value, selected: value === measure }, one.title)))),
      h("span", { class: "quiet" }, term(meaning, title), " of the ", term("matrix", "row against the column"))),
    goal.matrix.reason && h("p", { class: "quiet" }, goal.matrix.reason),
    table(sheet),
    copies(sheet)
  ]
}
