// What the page knows. reading.js fills it, app.js draws it, and actions.js changes it.
import { route } from "./router.js"

/** @import {VNode} from "../vendor/preact.mjs" */
/** @import {ApiError} from "./api.js" */
/** @import {Experiment, HistoryChange, Session, TaggedSettings} from "../types.js" */
/** @import {Modules} from "./modules.js" */

export const state = {
  /** @type {Session | null} */ session: null,
  /** The counts of all experiments. @type {Experiment[] | null} */ experiments: null,
  /** Experiments with their analysis, by name. @type {Map<string, Experiment>} */ analysed: new Map(),
  /** The names in the list, in the order shown. @type {string[]} */ order: [],
  /** The selection that `order` was made for. */
  orderedFor: "",
  /** How many experiments are new since `order` was made. */
  fresh: 0,
  /** The experiment that is open. @type {Experiment | null} */ one: null,
  /** The changes of the experiment that is open. @type {HistoryChange[] | null} */ history: null,
  /** The layers of the namespace. @type {TaggedSettings | null} */ settings: null,
  /** The modules of views that few readers open, once one was opened. @type {Modules} */ modules: {},
  /** Why the last request failed. @type {ApiError | null} */ trouble: null,
  /** Why the last key was refused. */
  wrongKey: "",
  /** The namespace of the last answer. */
  readFrom: "",
  /** The time of the last answer. */
  asOf: "",
  /** The content of the open dialog. @type {VNode<any> | null} */ dialog: null,
  /** A message that is shown for a moment. */
  message: ""
}

/** How long a message stays, in milliseconds. */
const MESSAGE = 4000

let draw = () => {}

/** @param {() => void} callback called whenever the state has changed */
export function whenChanged(callback) {
  draw = callback
}

/** Draws the page again. */
export const changed = () => draw()

/** Shows a message for a moment. @param {string} text */
export function say(text) {
  state.message = text
  changed()
  setTimeout(() => {
    if (state.message !== text) return
    state.message = ""
    changed()
  }, MESSAGE)
}

/** The namespace in the link, or else the one that the session names. */
export const namespace = () => route().selected.get("namespace")
  ?? new URLSearchParams(location.search).get("namespace") ?? state.session?.namespace ?? "alephbet"

/** Whether the reader may change experiments. A key with the role `read` may not. */
export const mayEdit = () => state.session !== null && state.session.role !== "read"

/** The view that is shown. A reader who may not edit sees the results instead of the editor. */
export function shown() {
  const { view } = route()
  if (state.session === null || mayEdit()) return view
  return view === "new" ? "list" : view === "edit" ? "results" : view
}

/** Forgets what was read in another namespace. */
export function forgetList() {
  Object.assign(state, { experiments: null, analysed: new Map(), order: [], orderedFor: "", asOf: "", settings: null })
}

/** Forgets everything that was read. */
export function forget() {
  forgetList()
  Object.assign(state, { session: null, one: null, history: null, wrongKey: "" })
}
