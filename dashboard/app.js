// The whole page: the header, and below it the view that the link selects.
import { logOut, switchNamespace } from "./data/actions.js"
import * as api from "./data/api.js"
import * as memory from "./data/memory.js"
import { link, route } from "./data/router.js"
import { namespace, shown, state } from "./data/state.js"
import { single } from "./experiment/experiment.js"
import { list } from "./list/list.js"
import { Dialog, openSnippet } from "./parts/dialogs.js"
import { html } from "./parts/html.js"
import * as notices from "./parts/notices.js"
import { printable } from "./parts/text.js"
import { glossary } from "./parts/words.js"
import { useEffect, useState } from "./vendor/hooks.mjs"

/** @import {Content} from "./parts/html.js" */
/** @import {Experiment} from "./types.js" */

/** Draws the state. */
export function App() {
  const { experiment } = route()
  const title = shown() === "layers" ? "Layers" : shown() === "new" ? "New experiment" : experiment === null ? "Experiments" : printable(experiment)
  useEffect(() => { document.title = `${title} – abtest` }, [title])
  return html`
    <a class="skip" href="#content" onClick=${skip}>Skip to content</a>
    <header id="top">${header()}</header>
    <main id="content" tabindex="-1" class=${state.trouble?.trouble === "gone" && "stale"}>${view()}</main>
    ${state.dialog && html`<${Dialog}>${state.dialog}<//>`}
    ${glossary()}
    <p id="status" role="status">${state.message}</p>`
}

/** The link changes the fragment, which holds the view. So move the focus instead. @param {Event} event */
function skip(event) {
  event.preventDefault()
  document.getElementById("content")?.focus()
}

function header() {
  const { session } = state
  return html`<div class="bar">
    <a class="brand" href=${link(null, { namespace: namespace() })}>abtest</a>
    ${session && html`
      <${Namespace} current=${namespace()} />
      <button type="button" id="snippet" onClick=${openSnippet}>Snippet</button>
      <button type="button" id="log-out" onClick=${logOut}>Log out</button>`}
    ${state.asOf && html`<p class="quiet clock">as of ${state.asOf}</p>`}
  </div>`
}

/** @param {{current: string}} props */
function Namespace({ current }) {
  const [text, setText] = useState(current)
  useEffect(() => setText(current), [current])
  const submit = (/** @type {Event} */ event) => {
    event.preventDefault()
    switchNamespace(text)
  }
  return html`<form id="namespace" onSubmit=${submit}>
    <label for="namespace-name">Namespace</label>
    <input id="namespace-name" value=${text} onInput=${(/** @type {any} */ event) => setText(event.target.value)}
      autocomplete="off" spellcheck=${false} maxlength="256" />
    <button>Switch</button>
  </form>`
}

function view() {
  const { experiment } = route()
  const { trouble } = state
  switch (trouble?.trouble) {
    case "login": return notices.login(state.wrongKey)
    case "link": return notices.useLink()
    case "missing": return notices.missing(experiment ?? "", namespace())
    case "refused": return notices.refused(trouble.message)
  }
  const banner = trouble && notices.stale(trouble.message, state.asOf)
  return [banner, views[shown()](experiment ?? "") ?? (!banner && notices.loading())]
}

/** The content of each view, or null until it was read. @type {Record<import("./data/router.js").View, (experiment: string) => Content>} */
const views = {
  list: all,
  new: () => state.settings && state.modules.editor &&
    html`<${state.modules.editor.Editor} key="new" name=${null} experiment=${null} settings=${state.settings} />`,
  layers: () => state.settings && state.modules.layers?.layers(state.settings),
  results: (name) => known(name) && single(known(name), namespace(), route().selected, memory.hidden(namespace()).has(name)),
  edit: (name) => known(name) && state.settings && state.modules.editor &&
    html`<${state.modules.editor.Editor} key=${name} name=${name} experiment=${known(name)} settings=${state.settings} />`,
  history: (name) => state.history && state.modules.history?.history(name, state.history),
  explain: (name) => state.modules.explain && html`<${state.modules.explain.Explain} key=${name} experiment=${name} />`
}

/** The experiment that was read, if it has this name. @param {string} name */
const known = (name) => /** @type {Experiment} */ (state.one?.experiment === name ? state.one : null)

/** All experiments, or null until they were read. */
function all() {
  const { experiments, session } = state
  if (experiments === null || session === null) return null
  if (experiments.length === 0 && state.order.length === 0 && !route().selected.get("status")) return notices.empty(api.trackUrl(session), namespace())
  return list({
    namespace: namespace(), experiments, analysed: state.analysed,
    order: state.order, fresh: state.fresh, hidden: memory.hidden(namespace()), selected: route().selected
  })
}
