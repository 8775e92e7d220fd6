// The recorded looks and what they decided. Shown with every method, because a decided look stays decided.
import { h, name, printable } from "./dom.js"
import { between, count, percent } from "./figures.js"
import { copies, figure, named, table } from "./table.js"
import { term } from "./words.js"

/** @import {Analysis, LooksReport} from "./types.js" */

/** Whether a remark is about looks. @param {string} code */
export const aboutLooks = (code) => code.startsWith("looks_") || code === "plan_too_small"

/** @param {Analysis} analysis */
export function looks({ looks: report, method, warnings, notes }) {
  const taken = report?.taken.length ?? 0
  const remarks = [...warnings, ...notes].filter(({ code }) => aboutLooks(code))
  if (taken === 0 && remarks.length === 0 && method !== "sequential") return null
  return h("section", { class: "card", "data-key": "looks", "aria-label": "Looks" },
    h("h2", {}, term("sequential", "Looks")),
    remarks.map(({ message }) => h("p", {}, printable(message))),
    taken === 0 && h("p", {}, "No look was taken. Take one with ", h("code", {}, "abtest results NAME --look"), "."),
    report && taken > 0 && [
      h("p", { class: "quiet" }, `${count(taken)} ${taken === 1 ? "look" : "looks"}. The plan ends at ${count(report.planned)} participants.`),
      decisions(report),
      h("details", { "data-key": "table" }, h("summary", {}, "Looks as a table"), asTable(report))
    ])
}

/** @param {LooksReport} report */
const decisions = ({ decisions: decided }) => decided.length === 0
  ? h("p", {}, "No look has decided yet.")
  : h("ul", {}, decided.map((one) => h("li", {},
    name(one.goal), ": ", name(one.variant), one.lift > 0 ? " is better than " : " is worse than ", name(one.control),
    `, lift ${between(one.lift_low, one.lift_high)}. Decided at ${count(one.participants)} participants.`)))

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
