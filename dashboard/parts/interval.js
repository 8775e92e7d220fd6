// Intervals as bars with a mark at the estimate. All bars of a table share one scale. Positions are percentages
// of the width, so a drawing fits any width.
import { percent } from "./figures.js"
import { html } from "./html.js"

/** @typedef {{low: number, high: number}} Scale */
/** @typedef {{low: number | null | undefined, at: number | null | undefined, high: number | null | undefined}} Interval */

/**
 * A scale for these rates, or null if there is nothing to draw.
 * @param {Interval[]} intervals
 * @returns {Scale | null}
 */
export function aroundRates(intervals) {
  const drawn = intervals.filter(complete)
  if (drawn.length === 0) return null
  const lowest = Math.min(...drawn.map(({ low }) => low))
  const { low, high } = withRoom(lowest, Math.max(...drawn.map(({ high }) => high)))
  // A rate is never below 0.
  return { low: low < 0 ? Math.min(lowest, 0) : low, high }
}

/**
 * A scale for these lifts that includes 0, or null if there is nothing to draw.
 * @param {Interval[]} intervals
 * @returns {Scale | null}
 */
export function aroundLifts(intervals) {
  const drawn = intervals.filter(complete)
  if (drawn.length === 0) return null
  // With little data an interval can be very wide. Cut it at three times the narrowest one.
  const tightest = Math.min(...drawn.map(({ low, high }) => Math.max(Math.abs(low), Math.abs(high))))
  const furthest = Math.max(...drawn.map(({ at }) => Math.abs(at)))
  const reach = Math.max(3 * tightest, furthest)
  return withRoom(
    Math.max(-reach, Math.min(0, ...drawn.map(({ low }) => low))),
    Math.min(reach, Math.max(0, ...drawn.map(({ high }) => high))))
}

/** A slightly wider scale. @param {number} low @param {number} high @returns {Scale} */
function withRoom(low, high) {
  const room = (high - low) * 0.06 || Math.abs(high) * 0.1 || 0.01
  return { low: low - room, high: high + room }
}

/** @param {Interval} one @returns {one is {low: number, at: number, high: number}} */
const complete = (one) => one.low != null && one.at != null && one.high != null

/** The position of a value, in percent. @param {Scale} scale @param {number} value */
export function place({ low, high }, value) {
  const share = high > low ? (value - low) / (high - low) : 0.5
  return Math.round(10_000 * Math.min(1, Math.max(0, share))) / 100
}

/**
 * One interval.
 * @param {Scale} scale
 * @param {Interval} interval
 * @param {{tone: string, zero?: boolean}} look
 */
export function bar(scale, interval, { tone, zero = false }) {
  const origin = `${place(scale, 0)}%`
  return html`<svg class="interval ${tone}" aria-hidden="true">
    ${zero && html`<line class="zero" x1=${origin} x2=${origin} y1="0" y2="100%" />`}
    ${complete(interval) && range(scale, interval)}
  </svg>`
}

/** @param {Scale} scale @param {{low: number, at: number, high: number}} interval */
function range(scale, { low, at, high }) {
  const [from, to] = [place(scale, low), place(scale, high)]
  return html`
    <rect class="range" x="${from}%" width="${Math.max(0.5, to - from).toFixed(2)}%" y="50%" height="8" rx="4" />
    <circle class="estimate" cx="${place(scale, at)}%" cy="50%" r="5" />
    ${high > scale.high && html`<text class="cut" x="100%" y="50%" text-anchor="end">›</text>`}
    ${low < scale.low && html`<text class="cut" x="0" y="50%">‹</text>`}`
}

/**
 * The axis above the bars: as many round values as fit, at equal distances.
 * @param {Scale} scale
 * @param {(value: number) => string} [words]
 */
export function axis(scale, words = percent) {
  const marks = [5, 4, 3, 2, 1]
    .map((parts) => ticks(scale, parts).map((value) => mark(place(scale, value), words(value))))
    .find((some) => some.every(({ from }, index) => from >= (some[index - 1]?.to ?? -Infinity))) ?? []
  return html`<svg class="axis" aria-hidden="true">
    ${marks.map(({ at, anchor, text }) => html`<text x="${at}%" y="12" text-anchor=${anchor}>${text}</text>`)}
  </svg>`
}

/** The width of a character on the narrowest axis, in percent. */
const CHARACTER = 5

/** A text on an axis and the space it needs. @param {number} at in percent @param {string} text */
function mark(at, text) {
  const anchor = at < 8 ? "start" : at > 92 ? "end" : "middle"
  const width = CHARACTER * text.length
  const from = at - { start: 0, middle: width / 2, end: width }[anchor]
  return { at, anchor, text, from, to: from + width + CHARACTER / 2 }
}

/** Round values that divide a scale into at most this many parts. @param {Scale} scale @param {number} parts */
function ticks({ low, high }, parts) {
  const rough = (high - low) / parts
  const power = 10 ** Math.floor(Math.log10(rough))
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((candidate) => candidate >= rough) ?? rough
  const values = []
  for (let index = Math.ceil(low / step); index * step <= high && values.length <= parts; index++) {
    // Removes the rounding error of binary fractions.
    values.push(Number((index * step).toPrecision(12)))
  }
  return values
}
