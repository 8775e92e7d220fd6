// Changes of definitions as sentences. Pure functions from JSON to text.
import { printable } from "../parts/text.js"
import { isEmpty } from "./members.js"

/** @import {Changed, Edited, Members} from "../types.js" */

/** Members that follow from others. */
const DERIVED = new Set(["allocation", "earlier_allocations", "slots", "disturbances", "decision", "started", "created", "updated", "version", "id", "salt"])

/** Members that a new definition mentions only if they are not the usual ones. @type {Record<string, any>} */
const USUAL = { traffic: 100, status: "draft" }

/** Members whose new value says little at the creation. */
const UNMENTIONED = new Set(["status", "variants", "weights", "control", "fallback", "analysis", "counting"])

/** Longest shown value, in characters. */
const MOST = 200

/** What a change did. @param {Changed} changed @returns {string[]} */
export function sentences(changed) {
  const { status, variants } = changed
  const created = variants !== undefined && variants[0] === null
  const others = Object.entries(changed).filter(([member, [before, after]]) =>
    !DERIVED.has(member) && member !== "status" && !(member === "winner" && status) &&
    !(created && (UNMENTIONED.has(member) || isEmpty(after) || USUAL[member] === after)) && !(isEmpty(before) && isEmpty(after)))
  return [
    created && `Created ${status?.[1] === "running" ? "and started" : "as a draft"} with the variants ${names(variants[1])}.`,
    !created && status && step(status, changed.winner?.[1]),
    ...others.flatMap(([member, values]) => memberSentences(member, values))
  ].filter((sentence) => typeof sentence === "string")
}

/** @param {[any, any]} status @param {any} winner */
function step([before, after], winner) {
  switch (after) {
    case "running": return before === "paused" ? "Resumed." : "Started."
    case "paused": return "Paused."
    case "completed": return before === "archived" ? "Restored as completed." : `Stopped. The winner is ${printable(winner)}.`
    case "archived": return "Archived."
    default: return `Restored as ${after}.`
  }
}

/** @param {string} member @param {[any, any]} values @returns {string[]} */
function memberSentences(member, [before, after]) {
  const label = `the ${member.replaceAll("_", " ")}`
  if (member === "variants" || member === "goals") return listed(member.slice(0, -1), before ?? [], after ?? [])
  if (member === "traffic") return [before === null ? `Set ${label} to ${after}%.` : `Changed ${label} from ${before}% to ${after}%.`]
  if (isEmpty(before)) return [`Set ${label} to ${words(after)}.`]
  if (isEmpty(after)) return [`Removed ${label}.`]
  return [`Changed ${label} from ${words(before)} to ${words(after)}.`]
}

/** @param {string} noun @param {Members[]} before @param {Members[]} after */
function listed(noun, before, after) {
  const find = (/** @type {Members[]} */ list, /** @type {Members} */ one) => list.find(({ name }) => name === one.name)
  const all = [
    ...after.filter((one) => !find(before, one)).map((one) => `Added the ${noun} ${printable(one.name)}.`),
    ...before.filter((one) => !find(after, one)).map((one) => `Removed the ${noun} ${printable(one.name)}.`),
    ...after.filter((one) => find(before, one) && JSON.stringify(find(before, one)) !== JSON.stringify(one)).map((one) => `Changed the ${noun} ${printable(one.name)}.`)
  ]
  return all.length > 0 ? all : [`Changed the order of the ${noun}s.`]
}

/** @param {Members[]} list */
const names = (list) => list.map(({ name }) => printable(name)).join(", ")

/** A value in a sentence. @param {any} value */
function words(value) {
  const isPlain = value !== null && typeof value === "object" && Object.values(value).every((one) => typeof one === "number")
  const text = typeof value === "string" ? `“${value}”`
    : isPlain && !Array.isArray(value) ? Object.entries(value).map(([key, one]) => `${key} ${one}`).join(", ") : JSON.stringify(value)
  const shown = printable(text)
  return shown.length > MOST ? `${shown.slice(0, MOST)}…` : shown
}

/** What visitors will see after a change. @param {Pick<Edited, "changed" | "disturbances" | "units" | "warnings" | "definition">} edited @returns {string[]} */
export function announcement({ changed, disturbances, units, warnings, definition }) {
  const share = (/** @type {number} */ percent) => `${Number(percent.toFixed(2))}%`
  const fallback = printable(definition.fallback)
  const matching = definition.targeting ? "All visitors who match the targeting" : "All visitors"
  const seen = changed.status ? status(changed.status, definition, matching) : [
    units.entering > 0 && `${share(units.entering)} of all visitors take part in addition.`,
    units.leaving > 0 && `${share(units.leaving)} of all visitors no longer take part. They see the fallback, ${fallback}.`,
    units.changing > 0 && `${share(units.changing)} of the participants see another variant than before.`
  ]
  const all = [...seen, ...disturbances.map(({ sentence }) => sentence), ...warnings.map(({ message }) => message)]
  return all.filter((one) => typeof one === "string")
}

/** @param {[any, any]} change @param {Members} definition @param {string} matching */
function status([before, after], { traffic, variants, fallback, winner }, matching) {
  const withdrawn = "Visitors see what your page shows without abtest."
  switch (after) {
    case "running": return before === "paused"
      ? ["Participants see their variants again."]
      : [`${traffic}% of all visitors take part and see ${names(variants)}.${traffic < 100 ? ` The others see the fallback, ${printable(fallback)}.` : ""}`]
    case "completed": return [`${matching} see ${printable(winner)} from now on.`]
    case "archived": return before === "completed" ? [`The winner, ${printable(winner)}, is withdrawn. ${withdrawn}`] : ["The list hides the experiment. Visitors see no change."]
    default: return []
  }
}
