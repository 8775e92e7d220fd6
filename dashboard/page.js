// Draws the header, and below it the view that the link selects.
import * as api from "./api.js"
import { draw, h, printable } from "./dom.js"
import { one } from "./experiment.js"
import * as lists from "./list.js"
import * as memory from "./memory.js"
import { link, route } from "./router.js"
import { namespace, state } from "./state.js"
import * as notices from "./notices.js"

/** Draws the page from the state. */
export function render() {
  const { experiment } = route()
  const title = experiment === null ? "Experiments" : printable(experiment)
  document.title = `${title} – abtest`
  draw("top", header())
  draw("content", ...view())
  document.getElementById("content")?.classList.toggle("stale", state.trouble?.trouble === "gone")
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

function view() {
  const { experiment } = route()
  const { trouble } = state
  switch (trouble?.trouble) {
    case "login": return [notices.login(state.wrongKey)]
    case "link": return [notices.useLink()]
    case "missing": return [notices.missing(experiment ?? "", namespace())]
    case "refused": return [notices.refused(trouble.message)]
  }
  const banner = trouble && notices.stale(trouble.message, state.asOf)
  const content = experiment === null ? list() : single(experiment)
  return [banner, ...(content ?? [!banner && notices.loading()])]
}

/** One experiment, or null until it was read. @param {string} experiment */
function single(experiment) {
  if (state.one?.experiment !== experiment) return null
  return one(state.one, namespace(), route().selected, memory.hidden(namespace()).has(experiment))
}

/** All experiments, or null until they were read. */
function list() {
  const { experiments, session } = state
  if (experiments === null || session === null) return null
  if (experiments.length === 0 && state.order.length === 0) return [notices.empty(api.trackUrl(session), namespace())]
  return lists.list({
    namespace: namespace(), experiments, analysed: state.analysed,
    order: state.order, fresh: state.fresh, hidden: memory.hidden(namespace()), selected: route().selected
  })
}
