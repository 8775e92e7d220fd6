// The results of the moment at which an experiment was completed.
import { count, lift, NOTHING, rate } from "../parts/figures.js"
import { html } from "../parts/html.js"
import { copies, figure, named, table } from "../parts/table.js"

/** @import {Analysis, Members} from "../types.js" */

/** @param {Members | null} decision */
export function decided(decision) {
  const analysis = /** @type {Analysis | undefined} */ (decision?.analysis)
  if (!decision || !analysis?.goals) return null
  const sheet = results(analysis)
  return html`<details id="decision"><summary>The results on ${new Date(decision.at).toLocaleString()}, when it was completed</summary>
    ${table(sheet)}${copies(sheet)}</details>`
}

/** @param {Analysis} analysis */
function results({ goals, control }) {
  return {
    title: "The results at the completion",
    heads: ["Goal", "Variant", "Participants", "Reached", "Rate", "Lift", "Lift from", "Lift to"]
      .map((title) => ({ title, number: !["Goal", "Variant"].includes(title) })),
    rows: goals.flatMap((goal) => goal.variants.map((variant) => {
      const comparison = goal.against_control.find((one) => one.variant === variant.variant)
      const signed = (/** @type {number | null | undefined} */ value) =>
        variant.variant === control ? figure(null, NOTHING) : figure(value, lift(value))
      return [
        named(goal.goal), named(variant.variant),
        figure(variant.trials, count(variant.trials)), figure(variant.successes, count(variant.successes)),
        figure(variant.rate, rate(variant.rate, goal.kind)),
        signed(comparison?.lift), signed(comparison?.lift_low), signed(comparison?.lift_high)
      ]
    }))
  }
}
