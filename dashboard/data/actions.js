// What the reader can do. Each action changes the state or the link, and the page is drawn again.
import { printable } from "../parts/text.js"
import * as api from "./api.js"
import * as memory from "./memory.js"
import { arrange } from "./order.js"
import { read } from "./reading.js"
import { link, route, select } from "./router.js"
import { changed, forget, forgetList, namespace, say, state } from "./state.js"

/** @import {VNode} from "../vendor/preact.mjs" */

/** Shows another view when the link changes. */
export function followLinks() {
  let last = route()
  addEventListener("hashchange", () => {
    const now = route()
    const elsewhere = namespace() !== state.readFrom
    if (elsewhere) forgetList()
    if (elsewhere || now.experiment !== last.experiment || now.view !== last.view) {
      if (elsewhere || now.experiment !== last.experiment) state.one = null
      state.history = null
      scrollTo(0, 0)
      document.getElementById("content")?.focus({ preventScroll: true })
    }
    last = now
    state.trouble = null
    if (now.view === "list" && state.experiments) {
      arrange(true)
      // Rows may move once more, when the counts of now arrive.
      state.orderedFor = ""
    }
    changed()
    read()
  })
}

/** @param {string} key */
export async function logIn(key) {
  const opened = await api.login(key).catch((/** @type {Error} */ error) => error.message)
  state.wrongKey = opened === true ? "" : opened === false ? "That is not the API key." : opened
  if (opened === true) read()
  else changed()
}

/** Ends the session and forgets all counts. */
export async function logOut() {
  try {
    await api.logout()
  } catch (error) {
    say(`Not logged out: ${error instanceof Error ? error.message : error}`)
    return
  }
  forget()
  read()
}

/** @param {string} name */
export function switchNamespace(name) {
  location.hash = link(null, { namespace: name })
}

/** @param {VNode<any>} content */
export function openDialog(content) {
  state.dialog = content
  changed()
}

/** Forgets the dialog that was closed. */
export function closeDialog() {
  state.dialog = null
  changed()
}

/** Selects something in the view. A list goes back to its first page. @param {Record<string, string | null>} changes */
export function choose(changes) {
  const isList = route().view === "list"
  select({ ...changes, ...(isList ? { page: null } : {}) })
  if ("status" in changes) forgetList()
  if (isList && state.experiments) arrange()
  changed()
  read()
}

/** Selects what a field holds. The field's name says what it selects. @param {Event} event */
export function chooseField({ currentTarget }) {
  const field = /** @type {HTMLInputElement | HTMLSelectElement} */ (currentTarget)
  const isOff = field instanceof HTMLInputElement && field.type === "checkbox" && !field.checked
  choose({ [field.name]: isOff ? null : field.value || null })
}

/** Shows new experiments in the list. */
export function reorder() {
  arrange(true)
  changed()
}

/** Stores the control with the experiment. If that fails, the link keeps it. @param {Event} event */
export async function chooseControl({ currentTarget }) {
  const control = /** @type {HTMLSelectElement} */ (currentTarget).value
  const stored = await api.keepControl(namespace(), route().experiment ?? "", control).then(() => true, () => false)
  say(stored ? "Saved with the experiment." : "Could not save it. It is in the link only.")
  choose({ control: stored ? null : control })
}

/** Hides an experiment from the list, or lists it again. @param {string} experiment */
export function toggleHidden(experiment) {
  const hide = !memory.hidden(namespace()).has(experiment)
  memory.setHidden(namespace(), experiment, hide)
  say(hide ? "Hidden from the list in this browser." : "Shown in the list again.")
}

/** Deletes an experiment and shows the list. @param {string} experiment */
export async function remove(experiment) {
  const where = namespace()
  await api.remove(where, experiment)
  memory.setHidden(where, experiment, false)
  location.hash = link(null, { namespace: where })
  say(`Deleted ${printable(experiment)}.`)
}
