// Whether the numbers can be trusted. Shown above all numbers.
import { eValue, percent, pValue } from "../parts/figures.js"
import { html } from "../parts/html.js"
import { exact } from "../parts/table.js"
import { printable } from "../parts/text.js"
import { term } from "../parts/words.js"
import { aboutLooks } from "./looks.js"

/** @import {Content} from "../parts/html.js" */
/** @import {Analysis, Experiment} from "../types.js" */

/** @typedef {"good" | "warn" | "bad" | "quiet"} Tone */

/** @type {Record<Tone, {mark: string, words: string}>} */
const MARKS = {
  good: { mark: "✓", words: "ok" },
  warn: { mark: "!", words: "warning" },
  bad: { mark: "✕", words: "problem" },
  quiet: { mark: "·", words: "unknown" }
}

/** Warnings that one of the checks below shows. */
const SHOWN_BELOW = new Set(["sample_ratio_mismatch", "assignment_mismatch", "too_few_participants", "counter_error_dominates"])

/** @param {Experiment} experiment @param {Analysis} analysis */
export function health({ counting }, analysis) {
  const others = analysis.warnings.filter(({ code }) => !SHOWN_BELOW.has(code) && !aboutLooks(code))
  return html`<section class="health" key="health" aria-label="Health">
    <ul>
      ${sampleRatio(analysis)}${assignment(analysis)}${counter(counting, analysis)}${enough(analysis)}
      ${others.map(({ message }) => check("warn", "Note", message))}
    </ul>
  </section>`
}

/** @param {Tone} tone @param {Content} title @param {...Content} words */
const check = (tone, title, ...words) => html`<li class=${tone}>
  <span class="mark" role="img" aria-label=${MARKS[tone].words}>${MARKS[tone].mark}</span>
  <div><strong>${title}</strong><p>${words.map((word) => (typeof word === "string" ? printable(word) : word))}</p></div>
</li>`

/** @param {Analysis} analysis @param {string} code */
const warning = ({ warnings }, code) => warnings.find((one) => one.code === code)?.message

/** @param {Analysis} analysis */
function sampleRatio(analysis) {
  const { alarm, e_value, p_value, reason } = analysis.sample_ratio
  const title = term("sample_ratio", "Sample ratio")
  if (alarm) {
    return check("bad", title, warning(analysis, "sample_ratio_mismatch") ?? analysis.verdict.sentence)
  }
  if (e_value === null) return check("quiet", title, reason ?? "Not enough data to check.")
  return check("good", title,
    "Visitors are split as expected (", term("e_value", "e-value"), " ", exact(e_value, eValue(e_value)), ", alarm at 1,000).",
    ...(p_value === null ? [] : [" χ² for one look: p ", exact(p_value, pValue(p_value)), "."]))
}

/** @param {Analysis} analysis */
function assignment(analysis) {
  const mismatch = warning(analysis, "assignment_mismatch")
  return mismatch && check("warn", "Assignment", mismatch)
}

/** @param {"hll" | "exact"} counting @param {Analysis} analysis */
function counter(counting, analysis) {
  const title = term("counting", "Counting")
  if (counting === "exact") return check("good", title, "Each visitor is counted exactly.")
  const dominates = warning(analysis, "counter_error_dominates")
  if (dominates) return check("warn", title, dominates)
  const shares = analysis.goals.flatMap((goal) => goal.variants).map(({ counter_share }) => counter_share ?? 0)
  const most = Math.max(0, ...shares)
  return check("good", title, `HyperLogLog, within about 0.81%. It causes at most ${percent(most)} of an interval's width.`)
}

/** @param {Analysis} analysis */
function enough(analysis) {
  const few = warning(analysis, "too_few_participants")
  const early = analysis.verdict.outcome === "too_early" || few
  if (analysis.verdict.outcome === "nothing_to_compare") return check("quiet", "Enough data", "Nothing to compare yet.")
  return early
    ? check("warn", "Not enough data yet", few ?? analysis.verdict.sentence)
    : check("good", "Enough data", "There are enough visitors for the intervals and tests.")
}
