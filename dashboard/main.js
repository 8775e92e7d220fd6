// The page: reads what the link selects, draws it, and does so again and again.
import * as api from "./api.js"
import { ApiError } from "./api.js"
import { toClipboard } from "./copy.js"
import { draw, h, printable } from "./dom.js"
import { one } from "./experiment.js"
import { askDeletion, prepare, showSnippet } from "./layer.js"
import * as lists from "./list.js"
import * as memory from "./memory.js"
import { link, route, select } from "./router.js"
import { snippet } from "./snippet.js"
import * as states from "./states.js"
import { place } from "./words.js"

/** @import {Experiment, Session} from "./types.js" */

/** From one look to the next, in milliseconds; more where an answer takes long. */
const PAUSE = 2000

/** So many times as long as an answer took is waited for the next look. */
const CALM = 10

const state = {
  /** @type {Session | null} */ session: null,
  /** @type {Experiment[] | null} */ experiments: null,
  /** @type {Map<string, Experiment>} */ analysed: new Map(),
  /** @type {string[]} */ order: [],
  /** What the order was made for. */
  orderedFor: "",
  fresh: 0,
  /** @type {Experiment | null} */ one: null,
  /** @type {ApiError | null} */ trouble: null,
  wrong: "",
  asOf: ""
}

let looking = new AbortController()
let timer = 0

const namespace = () => route().selected.get("namespace")
  ?? new URLSearchParams(location.search).get("namespace") ?? state.session?.namespace ?? "alephbet"

/** Looks now, and from then on again and again. */
async function look() {
  looking.abort()
  clearTimeout(timer)
  const { signal } = (looking = new AbortController())
  const began = performance.now()
  try {
    state.session ??= await api.session()
    await (route().experiment === null ? readList(signal) : readOne(signal))
    if (signal.aborted) return
    state.trouble = null
    state.asOf = new Date().toLocaleTimeString()
  } catch (error) {
    if (signal.aborted) return
    state.trouble = error instanceof ApiError ? error : new ApiError("refused", String(error))
    if (["login", "link"].includes(state.trouble.trouble)) state.session = null
  }
  render()
  if (state.session || state.trouble?.trouble === "gone") {
    timer = setTimeout(again, Math.max(PAUSE, CALM * (performance.now() - began)))
  }
}

/** Looks again; a page that nobody sees waits until somebody does. */
function again() {
  if (document.hidden) document.addEventListener("visibilitychange", look, { once: true })
  else look()
}

/** @param {AbortSignal} signal */
async function readList(signal) {
  const { selected } = route()
  state.experiments = await api.counts(namespace(), selected.get("sort") === "since", signal)
  arrange()
  if (state.asOf === "") render()
  const all = selected.get("sort") === "verdict"
  const { names } = lists.page(state.order, selected)
  if (names.length === 0) return
  for (const found of await api.analysed(namespace(), all ? [] : names, signal)) {
    state.analysed.set(found.experiment, found)
  }
  if (all) arrange()
}

/** @param {AbortSignal} signal */
async function readOne(signal) {
  const { experiment, selected } = route()
  state.one = await api.experiment(experiment ?? "", question(selected), signal)
}

/** Keeps the control with the experiment; where that cannot be, the link keeps it. @param {string} control */
async function choose(control) {
  const kept = await api.keepControl(namespace(), route().experiment ?? "", control).then(() => true, () => false)
  say(kept ? "Kept with the experiment." : "It could not be kept; it is in the link alone.")
  select({ control: kept ? null : control })
}

/** What is asked of the counts. @param {URLSearchParams} selected */
function question(selected) {
  const asked = new URLSearchParams({ namespace: namespace(), history: "true" })
  for (const parameter of ["control", "goal", "level", "method", "minimum_lift"]) {
    const value = selected.get(parameter)
    if (value) asked.set(parameter, value)
  }
  return asked
}

/** Puts the list in order: anew where something else is selected, else only told what is new. */
function arrange(anew = false) {
  const { selected } = route()
  const hidden = memory.hidden(namespace())
  const names = lists.order(state.experiments ?? [], state.analysed, hidden, selected)
  const complete = selected.get("sort") !== "verdict" || state.analysed.size > 0
  const wanted = JSON.stringify([namespace(), ["search", "sort", "hidden", "page"].map((what) => selected.get(what)), [...hidden], complete])
  // What comes to an empty list cannot jump.
  if (anew || wanted !== state.orderedFor || state.order.length === 0) {
    state.order = names
    state.orderedFor = wanted
  }
  const known = new Set(state.order)
  state.fresh = names.filter((name) => !known.has(name)).length
}

function render() {
  const { experiment } = route()
  const title = experiment === null ? "Experiments" : printable(experiment)
  document.title = `${title} – abtest`
  draw("top", header())
  draw("content", ...view())
  document.getElementById("content")?.classList.toggle("stale", state.trouble?.trouble === "gone")
}

function view() {
  const { experiment, selected } = route()
  const { trouble, session } = state
  switch (trouble?.trouble) {
    case "login": return [states.login(state.wrong)]
    case "link": return [states.useLink()]
    case "missing": return [states.missing(experiment ?? "", namespace())]
    case "refused": return [states.refused(trouble.message)]
  }
  const banner = trouble && states.stale(trouble.message, state.asOf)
  if (experiment !== null) {
    const found = state.one?.experiment === experiment ? state.one : null
    if (!found) return [banner, !banner && states.loading()]
    return [banner, ...one(found, namespace(), selected, memory.hidden(namespace()).has(experiment))]
  }
  if (state.experiments === null || session === null) return [banner, !banner && states.loading()]
  if (state.experiments.length === 0 && state.order.length === 0) return [banner, states.empty(api.trackUrl(session), namespace())]
  return [banner, ...lists.list({
    namespace: namespace(), experiments: state.experiments, analysed: state.analysed,
    order: state.order, fresh: state.fresh, hidden: memory.hidden(namespace()), selected
  })]
}

function header() {
  const known = state.session !== null
  return h("div", { class: "bar", "data-key": "bar" },
    h("a", { class: "brand", href: link(null, { namespace: namespace() }) }, "abtest"),
    known && h("form", { id: "namespace", "data-key": "namespace" },
      h("label", { for: "namespace-name" }, "Namespace"),
      h("input", { id: "namespace-name", value: namespace(), autocomplete: "off", spellcheck: "false", maxlength: 256 }),
      h("button", {}, "Switch")),
    known && h("button", { type: "button", "data-do": "snippet", "data-key": "snippet" }, "Snippet"),
    state.asOf && h("p", { class: "quiet clock", "data-key": "clock" }, `as of ${state.asOf}`))
}

/** Tells of what was done, and for a moment only. @param {string} text */
function say(text) {
  const status = document.getElementById("status")
  if (!status) return
  status.textContent = text
  setTimeout(() => { if (status.textContent === text) status.textContent = "" }, 4000)
}

/** @type {Record<string, () => void>} */
const acts = {
  retry: look,
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
    say(hide ? "Hidden from the list of this browser." : "It is in the list again.")
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

document.addEventListener("click", async (event) => {
  place(event)
  const button = event.target instanceof Element ? event.target.closest("[data-do], [data-copy]") : null
  if (!button) return
  const copied = button.getAttribute("data-copy")
  if (copied !== null) {
    await toClipboard(copied).then(() => say("Copied."), () => say("The browser does not let the page copy."))
    return
  }
  event.preventDefault()
  acts[button.getAttribute("data-do") ?? ""]?.()
})

for (const kind of ["change", "input"]) {
  document.addEventListener(kind, ({ target }) => {
    if (!(target instanceof HTMLInputElement || target instanceof HTMLSelectElement)) return
    const what = target.dataset.select
    if (what === undefined || (kind === "input") !== (target.type === "search")) return
    const value = target.type === "checkbox" ? (/** @type {HTMLInputElement} */ (target).checked ? "1" : null) : target.value || null
    if (what === "control" && value !== null) choose(value)
    else select({ [what]: value, ...(route().experiment === null ? { page: null } : {}) })
  })
}

document.addEventListener("submit", async (event) => {
  const form = event.target instanceof HTMLFormElement ? event.target : null
  const field = form?.querySelector("input")
  if (!form || !field || !["login", "namespace"].includes(form.id)) return
  event.preventDefault()
  if (form.id === "namespace") {
    location.hash = link(null, { namespace: field.value })
    return
  }
  const opened = await api.login(field.value).catch((/** @type {Error} */ error) => error.message)
  state.wrong = opened === true ? "" : opened === false ? "That is not the API key." : opened
  field.value = ""
  if (opened === true) look()
  else render()
})

addEventListener("selected", () => {
  if (route().experiment === null && state.experiments) arrange()
  render()
  look()
})

let last = route()
let lastNamespace = ""
addEventListener("hashchange", () => {
  const now = route()
  const where = namespace()
  if (where !== lastNamespace) {
    Object.assign(state, { experiments: null, analysed: new Map(), order: [], orderedFor: "", asOf: "" })
  }
  if (now.experiment !== last.experiment || where !== lastNamespace) {
    state.one = null
    scrollTo(0, 0)
    document.getElementById("content")?.focus({ preventScroll: true })
  }
  last = now
  lastNamespace = where
  state.trouble = null
  if (now.experiment === null && state.experiments) arrange(true)
  render()
  look()
})

prepare()
render()
look().then(() => { lastNamespace = namespace() })
