// One goal: its verdict, and each variant's rate and lift. All rows share one scale.
import { h, name, printable } from "./dom.js"
import { chance, count, lift, METHODS, NOTHING, percent, pValue, rate, rounded } from "./figures.js"
import { aroundLifts, aroundRates, axis, bar } from "./interval.js"
import { copies, figure, named, table } from "./table.js"
import { matrix } from "./matrix.js"
import { badge, sentence } from "./verdict.js"
import { term } from "./words.js"

/** @import {Analysis, GoalAnalysis, VariantEstimate} from "./types.js" */

/** @param {GoalAnalysis} goal @param {string} variant */
const against = (goal, variant) => goal.against_control.find((one) => one.variant === variant)

/**
 * @param {GoalAnalysis} goal
 * @param {Analysis} analysis
 * @param {URLSearchParams} selected
 */
export function goalSection(goal, analysis, selected) {
  return h("section", { class: "card goal", "data-key": `goal ${goal.goal}`, "aria-label": printable(goal.goal) },
    h("header", {},
      h("h2", {}, name(goal.goal)),
      analysis.goals.length > 1 && badge(goal.verdict, analysis.control),
      goal.primary && h("span", { class: "quiet" }, term("decides", "decides"))),
    analysis.goals.length > 1 && h("p", {}, sentence(goal.verdict)),
    drawn(goal, analysis),
    reasons(goal, analysis).map((reason) => h("p", { class: "quiet" }, reason)),
    h("details", { "data-key": "numbers" },
      h("summary", {}, "All numbers"),
      numbers(goal, analysis)),
    goal.variants.length > 1 && h("details", { "data-key": "matrix" },
      h("summary", {}, "Compare all variants"),
      matrix(goal, selected)))
}

/** @param {GoalAnalysis} goal @param {Analysis} analysis */
function drawn(goal, analysis) {
  const rates = goal.variants.map(({ low, rate: at, high }) => ({ low, at, high }))
  const lifts = goal.against_control.map(({ lift_low: low, lift: at, lift_high: high }) => ({ low, at, high }))
  const scales = { rates: aroundRates(rates), lifts: aroundLifts(lifts) }
  const cell = (/** @type {string} */ kind, /** @type {(Node | string | null | false)[]} */ ...children) =>
    h("div", { role: "columnheader", class: kind }, ...children)
  return h("div", { class: "variants", role: "table", "aria-label": `${printable(goal.goal)}: variants` },
    h("div", { role: "row", class: "heads" },
      cell("variant", "Variant"),
      cell("reached", term("reached", "Reached")),
      cell("rate", term("rate", goal.kind === "rate" ? "Per participant" : "Rate")),
      cell("rates", h("span", {}, term("interval", `${percent(analysis.level)} interval`), ", one look"), scales.rates && axis(scales.rates, (value) => scaleWords(value, goal.kind))),
      cell("lift", term("lift", "Lift")),
      cell("lifts", h("span", {}, term(analysis.method, `${levels(goal)}interval`), `, ${METHODS[analysis.method]}`), scales.lifts && axis(scales.lifts, lift)),
      cell("chance", term("chance", "Chance to beat"), h("span", { class: "uncorrected" }, "not corrected"))),
    goal.variants.map((variant) => variantRow(variant, goal, analysis, scales)))
}

/** The level of all lift intervals, such as "97.5% ", or nothing if they differ. @param {GoalAnalysis} goal */
function levels({ against_control }) {
  const [first, ...others] = new Set(against_control.map(({ interval_level }) => interval_level))
  return first == null || others.length > 0 ? "" : `${levelWords(first)} `
}

/** A level: "95%", "98.33%". @param {number} level */
const levelWords = (level) => `${Number((100 * level).toFixed(2))}%`

/** A value on an axis. @param {number} value @param {"proportion" | "rate"} kind */
const scaleWords = (value, kind) =>
  kind === "rate" ? String(Number(value.toPrecision(3))) : `${Number((100 * value).toPrecision(3))}%`

/**
 * @param {VariantEstimate} variant
 * @param {GoalAnalysis} goal
 * @param {Analysis} analysis
 * @param {{rates: import("./interval.js").Scale | null, lifts: import("./interval.js").Scale | null}} scales
 */
function variantRow(variant, goal, analysis, scales) {
  const comparison = against(goal, variant.variant)
  const isControl = variant.variant === analysis.control
  const tone = isControl ? "plain" : "coloured"
  const exact = (/** @type {number | null | undefined} */ value, /** @type {string} */ text) =>
    value == null ? text : h("data", { value }, text)
  const words = (/** @type {number | null} */ value) => rate(value, goal.kind)
  return h("div", { role: "row", "data-key": variant.variant, class: isControl && "control" },
    h("div", { role: "rowheader", class: "variant" }, name(variant.variant),
      isControl && h("span", { class: "tag" }, "control")),
    h("div", { role: "cell", class: "reached" },
      exact(variant.successes, count(variant.successes)), h("span", { class: "quiet" }, " of "), exact(variant.trials, count(variant.trials))),
    h("div", { role: "cell", class: "rate" }, h("strong", {}, exact(variant.rate, words(variant.rate)))),
    h("div", { role: "cell", class: "rates" },
      scales.rates && bar(scales.rates, { low: variant.low, at: variant.rate, high: variant.high }, { tone }),
      h("span", { class: "quiet" }, variant.low == null ? NOTHING : [exact(variant.low, words(variant.low)), " to ", exact(variant.high, words(variant.high))])),
    h("div", { role: "cell", class: "lift" }, isControl ? h("span", { class: "quiet" }, "–") : h("strong", {}, exact(comparison?.lift, lift(comparison?.lift)))),
    h("div", { role: "cell", class: "lifts" },
      scales.lifts && bar(scales.lifts, isControl ? { low: null, at: null, high: null } : { low: comparison?.lift_low, at: comparison?.lift, high: comparison?.lift_high }, { tone: comparison?.decision ? `${tone} decided` : tone, zero: true }),
      !isControl && h("span", { class: "quiet" }, comparison?.lift_low == null ? NOTHING : [exact(comparison.lift_low, lift(comparison.lift_low)), " to ", exact(comparison.lift_high, lift(comparison.lift_high))])),
    h("div", { role: "cell", class: "chance" },
      isControl ? h("span", { class: "quiet" }, "–") : exact(comparison?.chance_to_beat, chance(comparison?.chance_to_beat))))
}

/** Why numbers are missing, and how many participants are needed. @param {GoalAnalysis} goal @param {Analysis} analysis */
function reasons(goal, analysis) {
  const missing = goal.against_control.flatMap(({ variant, reason, lift_low }) =>
    reason && lift_low == null ? [`${printable(variant)}: ${reason}.`] : [])
  const needed = goal.against_control[0]?.sample_needed
  const size = analysis.method === "always_valid" ? needed?.per_variant_always_valid : needed?.per_variant
  if (size == null) return missing
  return [...missing, `Detecting a lift of ${percent(analysis.minimum_lift)} needs about ${rounded(size)} participants per variant.`]
}

/** @param {GoalAnalysis} goal @param {Analysis} analysis */
function numbers(goal, analysis) {
  const head = (/** @type {string} */ title, /** @type {string} */ meaning = "") =>
    ({ title, number: true, shown: meaning ? term(meaning, title) : undefined })
  const level = percent(analysis.level)
  const sheet = {
    title: `${printable(goal.goal)}: all numbers`,
    heads: [
      { title: "Variant", number: false },
      head("Participants", "participants"), head("Reached", "reached"), head("Rate", "rate"),
      { title: "Method", number: false, shown: term("method", "Method") }, { title: "Family", number: false, shown: term("family", "Family") },
      head("Level", "level"), head("Lift", "lift"), head("Lift from"), head("Lift to"),
      head("p-value", "p_value"), head("Adjusted p", "adjusted"),
      head("Difference"), head("Difference from"), head("Difference to"),
      head(`Rate from (${level}, one look)`), head("Rate to"),
      head("Chance to beat (not corrected)", "chance"), head("Chance best (not corrected)", "chance_best"),
      head("Expected loss (not corrected)", "loss"), head("Power", "power")
    ],
    rows: goal.variants.map((variant) => {
      const comparison = against(goal, variant.variant)
      const share = (/** @type {number | null | undefined} */ value) => figure(value, rate(value, goal.kind))
      const signed = (/** @type {number | null | undefined} */ value) => figure(value, lift(value))
      const difference = (/** @type {number | null | undefined} */ value) =>
        figure(value, goal.kind === "rate" ? value?.toFixed(2) ?? NOTHING : lift(value))
      return [
        named(variant.variant),
        figure(variant.trials, count(variant.trials)), figure(variant.successes, count(variant.successes)), share(variant.rate),
        { text: comparison ? METHODS[comparison.method] : "" }, { text: comparison?.family ?? "" },
        figure(comparison?.interval_level, comparison?.interval_level == null ? NOTHING : levelWords(comparison.interval_level)),
        signed(comparison?.lift), signed(comparison?.lift_low), signed(comparison?.lift_high),
        figure(comparison?.p_value, pValue(comparison?.p_value)), figure(comparison?.adjusted_p_value, pValue(comparison?.adjusted_p_value)),
        difference(comparison?.difference), difference(comparison?.difference_low), difference(comparison?.difference_high),
        share(variant.low), share(variant.high),
        figure(comparison?.chance_to_beat, chance(comparison?.chance_to_beat)), figure(variant.chance_best, chance(variant.chance_best)),
        figure(comparison?.expected_loss, rate(comparison?.expected_loss, goal.kind)),
        figure(comparison?.power, chance(comparison?.power))
      ]
    })
  }
  return [
    table(sheet),
    h("p", { class: "quiet" }, "The lift's interval decides. The method of each row gives its interval and p-values. Chances and the expected loss are not corrected for looking or for several comparisons."),
    copies(sheet)
  ]
}
