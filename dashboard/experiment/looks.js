// The recorded looks and what they decided. Shown with every method, because a decided look stays decided.
import { between, count, percent } from "../parts/figures.js"
import { html, name } from "../parts/html.js"
import { copies, figure, named, table } from "../parts/table.js"
import { counted, printable } from "../parts/text.js"
import { term } from "../parts/words.js"

/** @import {Analysis, LooksReport} from "../types.js" */

/** Whether a remark is about looks. @param {string} code */
export const aboutLooks = (code) => code.startsWith("looks_") || code === "plan_too_small"

/** @param {Analysis} analysis */
export function looks({ looks: report, method, warnings, notes }) {
  const taken = report?.taken.length ?? 0
  const remarks = [...warnings, ...notes].filter(({ code }) => aboutLooks(code))
  if (taken === 0 && remarks.length === 0 && method !== "sequential") return null
  return html`<section class="card" id="looks" key="looks" aria-label="Looks">
    <h2>${term("sequential", "Looks")}</h2>
    ${remarks.map(({ message }) => html`<p>${printable(message)}</p>`)}
    ${taken === 0 && html`<p>No look was taken. Take one with <code>abtest results NAME --look</code>.</p>`}
    ${report && taken > 0 && html`
      <p class="quiet">${counted(taken, "look", count(taken))}. The plan ends at ${count(report.planned)} participants.</p>
      ${decisions(report)}
      <details><summary>Looks as a table</summary>${asTable(report)}</details>`}
  </section>`
}

/** @param {LooksReport} report */
const decisions = ({ decisions: decided }) => decided.length === 0
  ? html`<p>No look has decided yet.</p>`
  : html`<ul>${decided.map((one) => html`<li>${name(one.goal)}: ${name(one.variant)}${
    one.lift > 0 ? " is better than " : " is worse than "}${name(one.control)}, lift ${between(one.lift_low, one.lift_high)}. Decided at ${count(one.participants)} participants.</li>`)}</ul>`

/** @param {LooksReport} report */
function asTable({ taken }) {
  const heads = ["Participants", "Of the plan", "Family", "Comparisons", "Bound", "Error rate spent", "Level", "Control"]
  const sheet = {
    title: "All looks",
    heads: heads.map((title) => ({ title, number: !["Family", "Control"].includes(title) })),
    rows: taken.flatMap((look) => look.families.map((family) => [
      figure(look.participants, count(look.participants)), figure(look.information, percent(look.information)),
      { text: family.family }, figure(family.comparisons, count(family.comparisons)),
      figure(family.bound, family.bound?.toFixed(3) ?? "none left"),
      figure(family.spent_after, `${percent(family.spent_after)} of ${percent(family.alpha)}`),
      figure(look.level, percent(look.level)), named(look.control)
    ]))
  }
  return [table(sheet), copies(sheet)]
}
