// The order of the list, and the part of it that is on the page.
import * as memory from "./memory.js"
import { route } from "./router.js"
import { namespace, state } from "./state.js"
import { urgency } from "../parts/verdict.js"

/** @import {Experiment} from "../types.js" */

/** Rows per page. */
const PAGE = 50

const { compare } = new Intl.Collator("en", { numeric: true })

/**
 * Sorts the list if the selection changed. Otherwise keeps the order, so that rows do not move while they are
 * read, and counts the new experiments.
 */
export function arrange(anew = false) {
  const { selected } = route()
  const hidden = memory.hidden(namespace())
  const names = sorted(state.experiments ?? [], hidden, selected)
  const wanted = JSON.stringify([namespace(), ["search", "sort", "hidden", "status", "page"].map((what) => selected.get(what)), [...hidden]])
  // An empty list has no rows that could move.
  if (anew || wanted !== state.orderedFor || state.order.length === 0) {
    state.order = names
    state.orderedFor = wanted
  }
  const known = new Set(state.order)
  state.fresh = names.filter((name) => !known.has(name)).length
}

/** The names on the selected page. @param {string[]} names @param {URLSearchParams} selected */
export function page(names, selected) {
  const last = Math.max(0, Math.ceil(names.length / PAGE) - 1)
  const number = Math.min(last, Math.max(0, Number(selected.get("page") ?? 1) - 1 || 0))
  return { number, last, first: number * PAGE + 1, names: names.slice(number * PAGE, (number + 1) * PAGE) }
}

/** Participants of all variants. @param {Experiment} experiment */
export const participants = ({ variants }) => variants.reduce((sum, { trials }) => sum + trials, 0)

/** The first day with a count, or null if the server stores no days. @param {Experiment} experiment */
export const since = ({ timeline }) => timeline?.days[0] ?? null

/** @param {Experiment[]} experiments @param {Set<string>} hidden @param {URLSearchParams} selected */
function sorted(experiments, hidden, selected) {
  const wanted = (selected.get("search") ?? "").trim().toLowerCase()
  const shown = experiments.filter(({ experiment }) =>
    hidden.has(experiment) === selected.has("hidden") && experiment.toLowerCase().includes(wanted))
  const total = new Map(shown.map((one) => [one, participants(one)]))
  const most = (/** @type {Experiment} */ a, /** @type {Experiment} */ b) =>
    (total.get(b) ?? 0) - (total.get(a) ?? 0) || compare(a.experiment, b.experiment)
  const urgent = (/** @type {Experiment} */ one) => urgency(one.summary)
  const sort = selected.get("sort")
  if (sort === "name") shown.sort((a, b) => compare(a.experiment, b.experiment))
  else if (sort === "verdict") shown.sort((a, b) => urgent(a) - urgent(b) || most(a, b))
  else if (sort === "since") shown.sort((a, b) => compare(since(b) ?? "", since(a) ?? "") || most(a, b))
  else shown.sort(most)
  return shown.map(({ experiment }) => experiment)
}
