// One goal: its verdict, and each variant's rate and lift. All rows share one scale.
import { h, name, printable } from "./dom.js"
import { chance, count, lift, NOTHING, percent, pValue, rate, rounded } from "./figures.js"
import { aroundLifts, aroundRates, axis, bar } from "./interval.js"
import { copies, figure, named, table } from "./table.js"
import { matrix } from "./matrix.js"
import { badge, sentence } from "./verdict.js"
import { term } from "./words.js"

/** @import {Analysis, Comparison, Evidence, GoalAnalysis, VariantEstimate} from "./types.js" */

/** What decides the verdict. @param {Comparison} comparison @param {Analysis} analysis @returns {Evidence} */
export const evidence = (comparison, { method }) =>
  method === "always_valid" ? comparison.always_valid : comparison

/** @param {GoalAnalysis} goal @param {string} variant */
const against = (goal, variant) => goal.against_control.find((one) => one.variant === variant)

/**
 * @param {GoalAnalysis} goal
 * @param {Analysis} analysis
 * @param {URLSearchParams} selected
 */
export function goalSection(goal, analysis, selected) {
  const level = percent(analysis.level)
  return h("section", { class: "card goal", "data-key": `goal ${goal.goal}`, "aria-label": printable(goal.goal) },
    h("header", {},
      h("h2", {}, name(goal.goal)),
      analysis.goals.length > 1 && badge(goal.verdict, analysis.control),
      goal.primary && h("span", { class: "quiet" }, term("decides", "decides"))),
    analysis.goals.length > 1 && h("p", {}, sentence(goal.verdict)),
    drawn(goal, analysis, level),
    reasons(goal, analysis).map((reason) => h("p", { class: "quiet" }, reason)),
    h("details", { "data-key": "numbers" },
      h("summary", {}, "All numbers"),
      numbers(goal, analysis, level)),
    goal.variants.length > 1 && h("details", { "data-key": "matrix" },
      h("summary", {}, "Compare all variants"),
      matrix(goal, selected)))
}

/** @param {GoalAnalysis} goal @param {Analysis} analysis @param {string} level */
function drawn(goal, analysis, level) {
  const rates = goal.variants.map(({ low, rate: at, high }) => ({ low, at, high }))
  const lifts = goal.against_control.map((one) => {
    const { lift_low, lift_high } = evidence(one, analysis)
    return { low: lift_low, at: one.lift, high: lift_high }
  })
  const scales = { rates: aroundRates(rates), lifts: aroundLifts(lifts) }
  const cell = (/** @type {string} */ kind, /** @type {(Node | string | null | false)[]} */ ...children) =>
    h("div", { role: "columnheader", class: kind }, ...children)
  return h("div", { class: "variants", role: "table", "aria-label": `${printable(goal.goal)}: variants` },
    h("div", { role: "row", class: "heads" },
      cell("variant", "Variant"),
      cell("reached", term("reached", "Reached")),
      cell("rate", term("rate", goal.kind === "rate" ? "Per participant" : "Rate")),
      cell("rates", term("interval", `${level} interval`), scales.rates && axis(scales.rates, (value) => scaleWords(value, goal.kind))),
      cell("lift", term("lift", "Lift")),
      cell("lifts", term("always_valid", `${level} interval`), scales.lifts && axis(scales.lifts, lift)),
      cell("chance", term("chance", "Chance to beat"))),
    goal.variants.map((variant) => variantRow(variant, goal, analysis, scales)))
}

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
  const found = comparison && evidence(comparison, analysis)
  const isControl = variant.variant === analysis.control
  const decided = found?.lift_low != null && found.lift_high != null && (found.lift_low > 0 || found.lift_high < 0)
  const tone = isControl ? "plain" : decided ? "coloured decided" : "coloured"
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
      scales.lifts && bar(scales.lifts, isControl ? { low: null, at: null, high: null } : { low: found?.lift_low, at: comparison?.lift, high: found?.lift_high }, { tone, zero: true }),
      !isControl && h("span", { class: "quiet" }, found?.lift_low == null ? NOTHING : [exact(found.lift_low, lift(found.lift_low)), " to ", exact(found.lift_high, lift(found.lift_high))])),
    h("div", { role: "cell", class: "chance" },
      isControl ? h("span", { class: "quiet" }, "–") : exact(comparison?.chance_to_beat, chance(comparison?.chance_to_beat))))
}

/** Why numbers are missing, and how many participants are needed. @param {GoalAnalysis} goal @param {Analysis} analysis */
function reasons(goal, analysis) {
  const missing = goal.against_control.flatMap((one) => {
    const found = evidence(one, analysis)
    const reason = found.reason ?? one.reason
    return reason && found.lift_low == null ? [`${printable(one.variant)}: ${reason}.`] : []
  })
  const needed = goal.against_control[0]?.sample_needed
  const size = analysis.method === "always_valid" ? needed?.per_variant_always_valid : needed?.per_variant
  if (size == null) return missing
  const plan = `Detecting a lift of ${percent(analysis.minimum_lift)} needs about ${rounded(size)} participants per variant.`
  return [...missing, plan]
}

/** @param {GoalAnalysis} goal @param {Analysis} analysis @param {string} level */
function numbers(goal, analysis, level) {
  const head = (/** @type {string} */ title, /** @type {string} */ meaning = "") =>
    ({ title, number: true, shown: meaning ? term(meaning, title) : undefined })
  const sheet = {
    title: `${printable(goal.goal)}: all numbers`,
    heads: [
      { title: "Variant", number: false },
      head("Participants", "participants"), head("Reached", "reached"), head("Rate", "rate"),
      head(`Rate from (${level})`), head("Rate to"), head("Chance best", "chance_best"),
      head("Difference"), head("Lift", "lift"), head("Lift from"), head("Lift to"),
      head("p-value", "p_value"), head("Adjusted p", "adjusted"), head("Chance to beat", "chance"),
      head("Expected loss", "loss"), head("Power", "power")
    ],
    rows: goal.variants.map((variant) => {
      const comparison = against(goal, variant.variant)
      const found = comparison && evidence(comparison, analysis)
      const share = (/** @type {number | null | undefined} */ value) => figure(value, rate(value, goal.kind))
      const signed = (/** @type {number | null | undefined} */ value) => figure(value, lift(value))
      return [
        named(variant.variant),
        figure(variant.trials, count(variant.trials)), figure(variant.successes, count(variant.successes)),
        share(variant.rate), share(variant.low), share(variant.high),
        figure(variant.chance_best, chance(variant.chance_best)),
        figure(comparison?.difference, goal.kind === "rate" ? comparison?.difference?.toFixed(2) ?? NOTHING : lift(comparison?.difference)),
        signed(comparison?.lift), signed(found?.lift_low), signed(found?.lift_high),
        figure(found?.p_value, pValue(found?.p_value)), figure(found?.adjusted_p_value, pValue(found?.adjusted_p_value)),
        figure(comparison?.chance_to_beat, chance(comparison?.chance_to_beat)),
        figure(comparison?.expected_loss, rate(comparison?.expected_loss, goal.kind)),
        figure(comparison?.power, chance(comparison?.power))
      ]
    })
  }
  return [table(sheet), h("p", { class: "quiet" }, `Lift intervals and p-values are those that the verdict follows (${followed(analysis)}).`), copies(sheet)]
}

/** @param {Analysis} analysis */
const followed = ({ method }) => (method === "always_valid" ? "always valid" : "for one look at a size fixed in advance")
