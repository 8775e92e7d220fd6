// Whether the numbers can be believed; before any of them is shown.
import { h, printable } from "./dom.js"
import { percent, pValue } from "./figures.js"
import { term } from "./words.js"

/** @import {Analysis, Experiment} from "./types.js" */

/** @typedef {"good" | "warn" | "bad" | "quiet"} Tone */

/** @type {Record<Tone, {mark: string, words: string}>} */
const MARKS = {
  good: { mark: "✓", words: "fine" },
  warn: { mark: "!", words: "beware" },
  bad: { mark: "✕", words: "broken" },
  quiet: { mark: "·", words: "not known" }
}

/** Warnings that one of the three checks tells already. */
const TOLD = new Set(["sample_ratio_mismatch", "too_few_participants", "counter_error_dominates"])

/** @param {Experiment} experiment @param {Analysis} analysis */
export function health({ counting }, analysis) {
  const others = analysis.warnings.filter(({ code }) => !TOLD.has(code))
  return h("section", { class: "health", "data-key": "health", "aria-label": "Health" },
    h("ul", {},
      sampleRatio(analysis), counter(counting, analysis), enough(analysis),
      others.map(({ message }) => check("warn", "Note", message))))
}

/** @param {Tone} tone @param {Node | string} title @param {...(Node | string)} words */
const check = (tone, title, ...words) =>
  h("li", { class: tone },
    h("span", { class: "mark", role: "img", "aria-label": MARKS[tone].words }, MARKS[tone].mark),
    h("div", {}, h("strong", {}, title), h("p", {}, words.map((word) => (typeof word === "string" ? printable(word) : word)))))

/** @param {Analysis} analysis @param {string} code */
const warning = ({ warnings }, code) => warnings.find((one) => one.code === code)?.message

/** @param {Analysis} analysis */
function sampleRatio(analysis) {
  const { p_value, alarm, reason } = analysis.sample_ratio
  const title = term("sample_ratio", "Sample ratio")
  if (alarm) {
    return check("bad", title, warning(analysis, "sample_ratio_mismatch") ?? analysis.verdict.sentence)
  }
  if (p_value === null) return check("quiet", title, reason ?? "Cannot be checked yet.")
  return check("good", title, "Visitors are split as they should be (p ", h("data", { value: p_value }, pValue(p_value)), ").")
}

/** @param {"hll" | "exact"} counting @param {Analysis} analysis */
function counter(counting, analysis) {
  const title = term("counter", "Counter")
  if (counting === "exact") return check("good", title, "Every visitor is counted exactly.")
  const dominates = warning(analysis, "counter_error_dominates")
  if (dominates) return check("warn", title, dominates)
  const shares = analysis.goals.flatMap((goal) => goal.variants).map(({ counter_share }) => counter_share ?? 0)
  const most = Math.max(0, ...shares)
  return check("good", title, `HyperLogLog, give or take 0.81%: at most ${percent(most)} of an interval's width.`)
}

/** @param {Analysis} analysis */
function enough(analysis) {
  const few = warning(analysis, "too_few_participants")
  const early = analysis.verdict.outcome === "too_early" || few
  if (analysis.verdict.outcome === "nothing_to_compare") return check("quiet", "Enough to read", "Nothing to compare yet.")
  return early
    ? check("warn", "Too early to read", few ?? analysis.verdict.sentence)
    : check("good", "Enough to read", "There are enough visitors for intervals and tests to hold.")
}
