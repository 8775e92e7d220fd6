// The members of a definition, as the form edits them. Pure functions from JSON to JSON.

/** @import {Experiment, Members} from "../types.js" */

/** Members that the server owns. It ignores them in a request. */
const SERVER_OWNED = new Set(["version", "slots", "allocation", "earlier_allocations", "created", "updated", "started", "decision", "disturbances"])

/** Members in which null stands for the default. */
const WITH_DEFAULTS = new Set(["analysis", "goals", "schedule"])

/** What an operator writes of a document. Empty members are left out, because that is their default. @param {Members} document @returns {Members} */
export const written = (document) => Object.fromEntries(Object.entries(document)
  .filter(([member, value]) => !SERVER_OWNED.has(member) && !isEmpty(value))
  .map(([member, value]) => [member, WITH_DEFAULTS.has(member) ? withoutNulls(value) : value]))

/** @param {any} value */
export const isEmpty = (value) => value == null || value === "" || value === false || (typeof value === "object" && Object.keys(value).length === 0)

/** @param {any} value @returns {any} */
function withoutNulls(value) {
  if (Array.isArray(value)) return value.map(withoutNulls)
  if (value === null || typeof value !== "object") return value
  return Object.fromEntries(Object.entries(value).filter((entry) => entry[1] !== null).map(([key, one]) => [key, withoutNulls(one)]))
}

/** A definition for an experiment that is already counting: its variants and goals. @param {Experiment} experiment @returns {Members} */
export const fromCounts = ({ variants, goals }) => ({
  variants: variants.map(({ label }) => ({ name: label })),
  goals: goals.map(({ goal }, index) => (index === 0 ? { name: goal, role: "primary" } : { name: goal }))
})

/** The members with one of them changed. An empty value restores the default. @param {Members} members @param {string} member @param {any} value */
export function withMember(members, member, value) {
  const { [member]: _, ...others } = members
  return isEmpty(value) ? others : { ...members, [member]: value }
}

/** Gives a variant another name, wherever the definition names it. @param {Members} members @param {number} index @param {string} name */
export function renameVariant(members, index, name) {
  const old = members.variants[index].name
  const variants = members.variants.map((/** @type {any} */ one, /** @type {number} */ at) => (at === index ? { ...one, name } : one))
  // With two variants of one name, it is not known which of them a member means.
  if (members.variants.filter((/** @type {any} */ one) => one.name === old || one.name === name).length > 1) return { ...members, variants }
  const renamed = (/** @type {string} */ one) => (one === old ? name : one)
  /** @type {Members} */
  const changed = { ...members, variants }
  for (const member of ["control", "fallback", "winner"]) {
    if (member in members) changed[member] = renamed(members[member])
  }
  if (members.weights) changed.weights = Object.fromEntries(Object.entries(members.weights).map(([one, weight]) => [renamed(one), weight]))
  if (members.overrides) changed.overrides = Object.fromEntries(Object.entries(members.overrides).map(([unit, one]) => [unit, renamed(one)]))
  return changed
}

/** Removes a variant with its weight. @param {Members} members @param {number} index */
export function removeVariant(members, index) {
  const { name } = members.variants[index]
  /** @type {Members} */
  const changed = { ...members, variants: members.variants.filter((/** @type {any} */ _, /** @type {number} */ at) => at !== index) }
  if (members.weights) changed.weights = Object.fromEntries(Object.entries(members.weights).filter(([one]) => one !== name))
  return changed
}

/** Sets a variant's weight. Variants without one have 1. @param {Members} members @param {string} name @param {any} weight */
export function withWeight(members, name, weight) {
  const all = members.variants.map((/** @type {any} */ one) => [one.name, one.name === name ? weight : members.weights?.[one.name] ?? 1])
  return { ...members, weights: Object.fromEntries(all) }
}

/** A typed number, or else the text, which the server then refuses with its rule. @param {string} text */
export const typedNumber = (text) => (text.trim() === "" || Number.isNaN(Number(text)) ? text.trim() : Number(text))

/** Typed JSON, or else the text. @param {string} text */
export function typedJson(text) {
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}

/**
 * The members after two people changed them. What the first person changed wins.
 * @param {Members} base before both
 * @param {Members} mine
 * @param {Members} theirs
 * @returns {{members: Members, both: string[]}} `both` are the members that both changed, to different values
 */
export function merge(base, mine, theirs) {
  /** @type {Members} */
  const members = {}
  const both = []
  for (const member of new Set([...Object.keys(theirs), ...Object.keys(mine), ...Object.keys(base)])) {
    const isMine = !same(base[member], mine[member])
    if (isMine && !same(base[member], theirs[member]) && !same(mine[member], theirs[member])) both.push(member)
    const value = (isMine ? mine : theirs)[member]
    if (value !== undefined) members[member] = value
  }
  return { members, both }
}

/** The members that differ, each with its value before and after. @param {Members} before @param {Members} after */
export const difference = (before, after) => Object.fromEntries([...new Set([...Object.keys(before), ...Object.keys(after)])]
  .filter((member) => !SERVER_OWNED.has(member) && !same(before[member], after[member]))
  .map((member) => [member, /** @type {[any, any]} */ ([before[member] ?? null, after[member] ?? null])]))

/** @param {any} one @param {any} other */
const same = (one, other) => ordered(one) === ordered(other)

/** JSON with its keys in order. @param {any} value */
const ordered = (value) => JSON.stringify(value ?? null, (_, part) =>
  part !== null && typeof part === "object" && !Array.isArray(part) ? Object.fromEntries(Object.entries(part).toSorted()) : part)

/** A time for a date field, in the reader's time zone. @param {string | null | undefined} time RFC 3339 */
export function toField(time) {
  const at = new Date(time ?? NaN)
  if (Number.isNaN(at.getTime())) return ""
  return new Date(at.getTime() - 60_000 * at.getTimezoneOffset()).toISOString().slice(0, 16)
}

/** The time of a date field in UTC. @param {string} text */
export const fromField = (text) => (text === "" ? null : new Date(text).toISOString())
