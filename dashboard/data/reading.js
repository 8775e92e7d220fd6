// Reads what the link selects, and reads it again every few seconds.
import * as api from "./api.js"
import { ApiError } from "./api.js"
import { readHistory, readSettings } from "./definitions.js"
import { load } from "./modules.js"
import { arrange, page } from "./order.js"
import { route } from "./router.js"
import { changed, namespace, shown, state } from "./state.js"

/** @import {Experiment} from "../types.js" */

/** The shortest pause between two reads, in milliseconds. */
const PAUSE = 2000

/** The pause, as a multiple of the time that the last answer took. */
const PAUSE_PER_ANSWER = 10

let reading = new AbortController()
let timer = 0

/** Reads now, and then again and again. Cancels a read that is still running. */
export async function read() {
  reading.abort()
  clearTimeout(timer)
  const { signal } = (reading = new AbortController())
  const began = performance.now()
  try {
    state.session ??= await api.session()
    await Promise.all([load(), readers[shown()](signal)])
    if (signal.aborted) return
    state.trouble = null
    state.readFrom = namespace()
    state.asOf = new Date().toLocaleTimeString()
  } catch (error) {
    if (signal.aborted) return
    state.trouble = error instanceof ApiError ? error : new ApiError("refused", String(error))
    if (["login", "link"].includes(state.trouble.trouble)) state.session = null
  }
  changed()
  if (state.session || state.trouble?.trouble === "gone") {
    timer = setTimeout(readOnceVisible, Math.max(PAUSE, PAUSE_PER_ANSWER * (performance.now() - began)))
  }
}

/** Reads again. A hidden page waits until it is visible. */
function readOnceVisible() {
  if (document.hidden) document.addEventListener("visibilitychange", read, { once: true })
  else read()
}

/** What each view reads. @type {Record<import("./router.js").View, (signal: AbortSignal) => Promise<void>>} */
const readers = {
  list: readList,
  new: readLayers,
  layers: readLayers,
  results: readOne,
  edit: (signal) => readOne(signal).then(() => readLayers(signal)),
  history: readChanges,
  explain: async () => {}
}

/** @param {AbortSignal} signal */
async function readLayers(signal) {
  state.settings = await readSettings(signal)
}

/** @param {AbortSignal} signal */
async function readChanges(signal) {
  state.history = await readHistory(route().experiment ?? "", signal)
}

/** @param {AbortSignal} signal */
async function readList(signal) {
  const { selected } = route()
  const isFirst = state.asOf === ""
  const show = (/** @type {Experiment[]} */ experiments) => {
    state.experiments = experiments
    // While the first list arrives, each of its pages is sorted in.
    arrange(isFirst)
    changed()
  }
  show(await api.list(namespace(), selected.get("status") ?? "", selected.get("sort") === "since", isFirst ? show : () => {}, signal))
  const { names } = page(state.order, selected)
  if (names.length === 0) return
  for (const found of await api.analysed(namespace(), names, signal)) state.analysed.set(found.experiment, found)
}

/** @param {AbortSignal} signal */
async function readOne(signal) {
  const { experiment, selected } = route()
  state.one = await api.experiment(experiment ?? "", question(selected), signal)
}

/** The query for one experiment. @param {URLSearchParams} selected */
function question(selected) {
  const asked = new URLSearchParams({ namespace: namespace(), history: "true" })
  for (const parameter of ["control", "goal", "level", "method", "minimum_lift"]) {
    const value = selected.get(parameter)
    if (value) asked.set(parameter, value)
  }
  return asked
}
