// What the reader can do: buttons, choices, forms and links.
import * as api from "./api.js"
import { toClipboard } from "./copy.js"
import { printable } from "./dom.js"
import { askDeletion, showSnippet } from "./layer.js"
import * as memory from "./memory.js"
import { arrange } from "./order.js"
import { render } from "./page.js"
import { read } from "./reading.js"
import { link, route, select } from "./router.js"
import { snippet } from "./snippet.js"
import { forgetList, namespace, state } from "./state.js"
import { place } from "./words.js"

/** How long a message stays, in milliseconds. */
const MESSAGE = 4000

/** Starts to listen to the reader. */
export function listen() {
  document.addEventListener("click", clicked)
  document.addEventListener("change", chosen)
  document.addEventListener("input", typed)
  document.addEventListener("submit", submitted)
  addEventListener("selected", selectionChanged)
  followLinks()
}

/** What the buttons with `data-do` do. @type {Record<string, () => void>} */
const buttons = {
  retry: read,
  reorder() { arrange(true); render() },
  "show-all"() { select({ search: null, hidden: null, page: null }) },
  skip() { document.getElementById("content")?.focus() },
  close() { document.querySelector("dialog")?.close() },
  snippet() {
    if (state.session) showSnippet(snippet(api.trackUrl(state.session), namespace()))
  },
  hide() {
    const experiment = route().experiment ?? ""
    const hide = !memory.hidden(namespace()).has(experiment)
    memory.setHidden(namespace(), experiment, hide)
    say(hide ? "Hidden from the list in this browser." : "Shown in the list again.")
    render()
  },
  delete() {
    const [experiment, where] = [route().experiment ?? "", namespace()]
    askDeletion(experiment, async () => {
      await api.remove(where, experiment)
      memory.setHidden(where, experiment, false)
      location.hash = link(null, { namespace: where })
      say(`Deleted ${printable(experiment)}.`)
    })
  }
}

/** @param {Event} event */
async function clicked(event) {
  place(event)
  const button = event.target instanceof Element ? event.target.closest("[data-do], [data-copy]") : null
  if (!button) return
  const copied = button.getAttribute("data-copy")
  if (copied !== null) {
    await toClipboard(copied).then(() => say("Copied."), () => say("The browser does not allow copying."))
    return
  }
  event.preventDefault()
  buttons[button.getAttribute("data-do") ?? ""]?.()
}

/** A choice takes effect when it is made. @param {Event} event */
function chosen({ target }) {
  if (!(target instanceof HTMLInputElement || target instanceof HTMLSelectElement)) return
  const what = target.dataset.select
  if (what === undefined || target.type === "search") return
  const value = target.type === "checkbox" ? (/** @type {HTMLInputElement} */ (target).checked ? "1" : null) : target.value || null
  if (what === "control" && value !== null) chooseControl(value)
  else selectInView(what, value)
}

/** A search takes effect with each letter. @param {Event} event */
function typed({ target }) {
  const search = target instanceof HTMLInputElement && target.type === "search" ? target : null
  if (search?.dataset.select) selectInView(search.dataset.select, search.value || null)
}

/** Selects something in the view. A list goes back to its first page. @param {string} what @param {string | null} value */
function selectInView(what, value) {
  select({ [what]: value, ...(route().experiment === null ? { page: null } : {}) })
}

/** Stores the control with the experiment. If that fails, the link keeps it. @param {string} control */
async function chooseControl(control) {
  const stored = await api.keepControl(namespace(), route().experiment ?? "", control).then(() => true, () => false)
  say(stored ? "Saved with the experiment." : "Could not save it. It is in the link only.")
  select({ control: stored ? null : control })
}

/** @param {Event} event */
async function submitted(event) {
  const form = event.target instanceof HTMLFormElement ? event.target : null
  const field = form?.querySelector("input")
  if (!form || !field || !["login", "namespace"].includes(form.id)) return
  event.preventDefault()
  if (form.id === "namespace") {
    location.hash = link(null, { namespace: field.value })
    return
  }
  const opened = await api.login(field.value).catch((/** @type {Error} */ error) => error.message)
  state.wrongKey = opened === true ? "" : opened === false ? "That is not the API key." : opened
  field.value = ""
  if (opened === true) read()
  else render()
}

function selectionChanged() {
  if (route().experiment === null && state.experiments) arrange()
  render()
  read()
}

/** Shows another view when the link changes. */
function followLinks() {
  let last = route()
  addEventListener("hashchange", () => {
    const now = route()
    const elsewhere = namespace() !== state.readFrom
    if (elsewhere) forgetList()
    if (elsewhere || now.experiment !== last.experiment) {
      state.one = null
      scrollTo(0, 0)
      document.getElementById("content")?.focus({ preventScroll: true })
    }
    last = now
    state.trouble = null
    if (now.experiment === null && state.experiments) arrange(true)
    render()
    read()
  })
}

/** Shows a short message for a moment. @param {string} text */
function say(text) {
  const status = document.getElementById("status")
  if (!status) return
  status.textContent = text
  setTimeout(() => { if (status.textContent === text) status.textContent = "" }, MESSAGE)
}
