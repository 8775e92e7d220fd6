// One goal: its verdict, and each variant's rate and lift. All rows share one scale.
import { amount, chance, count, difference as differs, lift, METHODS, NOTHING, percent, pValue, rate, rounded } from "../parts/figures.js"
import { html, name } from "../parts/html.js"
import { aroundLifts, aroundRates, axis, bar } from "../parts/interval.js"
import { copies, exact, figure, named, table } from "../parts/table.js"
import { printable } from "../parts/text.js"
import { badge, sentence } from "../parts/verdict.js"
import { term } from "../parts/words.js"
import { matrix } from "./matrix.js"

/** @import {Content} from "../parts/html.js" */
/** @import {Analysis, GoalAnalysis, VariantEstimate} from "../types.js" */

/** @param {GoalAnalysis} goal @param {string} variant */
const against = (goal, variant) => goal.against_control.find((one) => one.variant === variant)

/**
 * @param {GoalAnalysis} goal
 * @param {Analysis} analysis
 * @param {URLSearchParams} selected
 */
export function goalSection(goal, analysis, selected) {
  const isOneOfMany = analysis.goals.length > 1
  return html`<section class="card goal" key="goal ${goal.goal}" aria-label=${printable(goal.goal)}>
    <header>
      <h2>${name(goal.goal)}</h2>
      ${isOneOfMany && badge(goal.verdict, analysis.control)}
      ${goal.primary && html`<span class="quiet">${term("decides", "decides")}</span>`}
      ${goal.better === "lower" && html`<span class="quiet">lower is better</span>`}
    </header>
    ${isOneOfMany && html`<p>${sentence(goal.verdict)}</p>`}
    ${drawn(goal, analysis)}
    ${reasons(goal, analysis).map((reason) => html`<p class="quiet">${reason}</p>`)}
    <details><summary>All numbers</summary>${numbers(goal, analysis)}</details>
    ${goal.variants.length > 1 && html`<details class="matrix"><summary>Compare all variants</summary>${matrix(goal, selected)}</details>`}
  </section>`
}

/** @param {GoalAnalysis} goal @param {Analysis} analysis */
function drawn(goal, analysis) {
  const rates = goal.variants.map(({ low, rate: at, high }) => ({ low, at, high }))
  const lifts = goal.against_control.map(({ lift_low: low, lift: at, lift_high: high }) => ({ low, at, high }))
  const scales = { rates: aroundRates(rates), lifts: aroundLifts(lifts) }
  const head = (/** @type {string} */ kind, /** @type {Content[]} */ ...words) => html`<div role="columnheader" class=${kind}>${words}</div>`
  return html`<div class="variants" role="table" aria-label="${printable(goal.goal)}: variants">
    <div role="row" class="heads">
      ${head("variant", "Variant")}
      ${head("reached", term("reached", "Reached"))}
      ${head("rate", rateHead(goal))}
      ${head("rates", html`<span>${term("interval", `${percent(analysis.level)} interval`)}, one look</span>`, scales.rates && axis(scales.rates, (value) => scaleWords(value, goal.kind)))}
      ${head("lift", term("lift", "Lift"))}
      ${head("lifts", html`<span>${term(analysis.method, `${levels(goal)}interval`)}, ${METHODS[analysis.method]}</span>`, scales.lifts && axis(scales.lifts, lift))}
      ${head("chance", term("chance", "Chance to beat"), html`<span class="uncorrected">not corrected</span>`)}
    </div>
    ${goal.variants.map((variant) => variantRow(variant, goal, analysis, scales))}
  </div>`
}

/** The level of all lift intervals, such as "97.5% ", or nothing if they differ. @param {GoalAnalysis} goal */
function levels({ against_control }) {
  const [first, ...others] = new Set(against_control.map(({ interval_level }) => interval_level))
  return first == null || others.length > 0 ? "" : `${levelWords(first)} `
}

/** A level: "95%", "98.33%". @param {number} level */
const levelWords = (level) => `${Number((100 * level).toFixed(2))}%`

/** What a variant's rate is called. @param {GoalAnalysis} goal */
function rateHead({ kind, unit }) {
  if (kind === "mean") return unit ? `Mean, ${printable(unit)}` : "Mean"
  return term("rate", kind === "rate" ? "Per participant" : "Rate")
}

/** A value on an axis. @param {number} value @param {"proportion" | "rate" | "mean"} kind */
const scaleWords = (value, kind) =>
  kind === "mean" ? amount(Number(value.toPrecision(3))) :
  kind === "rate" ? String(Number(value.toPrecision(3))) : `${Number((100 * value).toPrecision(3))}%`

/**
 * @param {VariantEstimate} variant
 * @param {GoalAnalysis} goal
 * @param {Analysis} analysis
 * @param {{rates: import("../parts/interval.js").Scale | null, lifts: import("../parts/interval.js").Scale | null}} scales
 */
function variantRow(variant, goal, analysis, scales) {
  const comparison = against(goal, variant.variant)
  const isControl = variant.variant === analysis.control
  const tone = isControl ? "plain" : "coloured"
  const words = (/** @type {number | null} */ value) => rate(value, goal.kind)
  const none = html`<span class="quiet">–</span>`
  const liftBounds = isControl
    ? { low: null, at: null, high: null }
    : { low: comparison?.lift_low, at: comparison?.lift, high: comparison?.lift_high }
  return html`<div role="row" key=${variant.variant} class=${isControl && "control"}>
    <div role="rowheader" class="variant">${name(variant.variant)}${isControl && html`<span class="tag">control</span>`}</div>
    <div role="cell" class="reached">${exact(variant.successes, count(variant.successes))}<span class="quiet"> of </span>${exact(variant.trials, count(variant.trials))}</div>
    <div role="cell" class="rate"><strong>${exact(variant.rate, words(variant.rate))}</strong></div>
    <div role="cell" class="rates">
      ${scales.rates && bar(scales.rates, { low: variant.low, at: variant.rate, high: variant.high }, { tone })}
      ${bounds(variant.low, variant.high, words)}
    </div>
    <div role="cell" class="lift">${isControl ? none : html`<strong>${exact(comparison?.lift, lift(comparison?.lift))}</strong>`}</div>
    <div role="cell" class="lifts">
      ${scales.lifts && bar(scales.lifts, liftBounds, { tone: comparison?.decision ? `${tone} decided` : tone, zero: true })}
      ${!isControl && bounds(comparison?.lift_low, comparison?.lift_high, lift)}
    </div>
    <div role="cell" class="chance">${isControl ? none : exact(comparison?.chance_to_beat, chance(comparison?.chance_to_beat))}</div>
  </div>`
}

/**
 * An interval in words.
 * @param {number | null | undefined} low
 * @param {number | null | undefined} high
 * @param {(value: number | null) => string} words
 */
const bounds = (low, high, words) =>
  html`<span class="quiet">${low == null ? NOTHING : [exact(low, words(low)), " to ", exact(high, words(high ?? null))]}</span>`

/** Why numbers are missing, and how many participants are needed. @param {GoalAnalysis} goal @param {Analysis} analysis */
function reasons(goal, analysis) {
  const unit = goal.unit && printable(goal.unit)
  // The lift says as much of rates.
  const means = goal.kind !== "mean" ? [] : goal.against_control.flatMap((one) =>
    one.difference_low == null ? [] :
      [`${printable(one.variant)}: ${differs(one.difference, unit)} per participant (${differs(one.difference_low)} to ${differs(one.difference_high, unit)}).`])
  const missing = means.concat(goal.against_control.flatMap(({ variant, reason, lift_low }) =>
    reason && lift_low == null ? [`${printable(variant)}: ${reason}.`] : []))
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
      head("Participants", "participants"), head("Reached", "reached"), { title: goal.kind === "mean" ? "Mean" : "Rate", number: true, shown: rateHead(goal) },
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
        figure(value, goal.kind === "mean" ? differs(value) : goal.kind === "rate" ? value?.toFixed(2) ?? NOTHING : lift(value))
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
    html`<p class="quiet">The lift's interval decides. The method of each row gives its interval and p-values. Chances and the expected loss are not corrected for looking or for several comparisons.</p>`,
    copies(sheet)
  ]
}
