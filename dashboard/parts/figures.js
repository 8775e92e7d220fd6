// Numbers as text, in the same format as `abtest results`.

/** @typedef {number | null | undefined} Figure */

/** Shown if there is no value. */
export const NOTHING = "–"

const thousands = new Intl.NumberFormat("en-US")

/** The methods, as they are named on the page. @type {Record<import("../types.js").Method, string>} */
export const METHODS = { always_valid: "at any time", sequential: "planned looks", fixed: "one look" }

/** A count: "1,234,567". @param {number} value */
export const count = (value) => thousands.format(value)

/** A count to two digits: "28,000". @param {number} value */
export const rounded = (value) => count(value < 100 ? value : Number(value.toPrecision(2)))

/** A share to two digits: "12%", "3.5%", "0.057%". @param {number} share */
export function percent(share) {
  const value = 100 * share
  const size = Math.abs(value)
  if (size >= 10 || size === 0) return `${value.toFixed(0)}%`
  if (size >= 1) return `${value.toFixed(1)}%`
  return `${value.toFixed(Math.min(12, 1 - Math.floor(Math.log10(size))))}%`
}

/** An amount to four digits: "1,234", "12.34", "0.4", "−0.00057". @param {number} value */
export function amount(value) {
  const size = Math.abs(value)
  const digits = size >= 1e15 || (size < 1e-6 && size > 0) ? size.toExponential(3).replace("e+", "e") : fourDigits(size)
  return value < 0 ? `−${digits}` : digits
}

/** @param {number} size */
const fourDigits = (size) =>
  size >= 1000 ? count(Math.round(size)) : String(Number(size.toPrecision(4)))

/** A difference of means: "+0.5 EUR", "−12 ms". @param {Figure} value @param {string} [unit] */
export function difference(value, unit) {
  if (value == null) return NOTHING
  return (value > 0 ? "+" : "") + amount(value) + (unit ? ` ${unit}` : "")
}

/**
 * A rate: "10.00%". For a goal that a visitor can reach many times: "1.52". For a mean: "12.34".
 * @param {Figure} value
 * @param {"proportion" | "rate" | "mean"} kind
 */
export function rate(value, kind) {
  if (value == null) return NOTHING
  if (kind === "mean") return amount(value)
  if (kind === "rate") return value.toFixed(2)
  return value === 0 || value >= 0.01 ? `${(100 * value).toFixed(2)}%` : percent(value)
}

/** A lift: "+12%", "−3.4%". @param {Figure} value */
export function lift(value) {
  if (value == null) return NOTHING
  if (value === 0) return "0%"
  return (value < 0 ? "−" : "+") + bounded(Math.abs(value))
}

/** A lift's interval: "−3.4% to +12%". @param {Figure} low @param {Figure} high */
export const between = (low, high) =>
  low == null || high == null ? NOTHING : `${lift(low)} to ${lift(high)}`

/** A probability: "97%", or ">99.9%" and "<0.1%" at the ends. @param {Figure} value */
export function chance(value) {
  if (value == null) return NOTHING
  if (value > 0.999) return ">99.9%"
  if (value < 0.001) return "<0.1%"
  return value > 0.99 ? `${(100 * value).toFixed(1)}%` : percent(value)
}

/** A p-value: "0.034", "<0.001". @param {Figure} value */
export function pValue(value) {
  if (value == null) return NOTHING
  return value < 0.001 ? "<0.001" : value.toFixed(3)
}

/** An e-value to two digits: "0.34", "1,200". @param {Figure} value */
export function eValue(value) {
  if (value == null) return NOTHING
  return value >= 1e6 ? "over 1,000,000" : value >= 100 ? rounded(Math.round(value)) : String(Number(value.toPrecision(2)))
}

/** Above 1,000 times, one digit is enough. @param {number} value */
const bounded = (value) =>
  value >= 1000 ? `${value.toExponential(0).replace("e+", "e")} times` : percent(value)
