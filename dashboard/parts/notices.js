// What the page shows if there are no results, and what to do next.
import { logIn } from "../data/actions.js"
import { read } from "../data/reading.js"
import { link } from "../data/router.js"
import { mayEdit } from "../data/state.js"
import { copyButton } from "./clipboard.js"
import { openSnippet } from "./dialogs.js"
import { html, name } from "./html.js"
import { firstEvent } from "./snippet.js"

/** Before the first answer. */
export const loading = () => html`<p class="notice" key="loading">Reading the counts…</p>`

/** @param {string} wrong what was wrong with the last attempt */
export const login = (wrong) => html`<form class="notice login" id="login" key="login" onSubmit=${submitKey}>
  <h1>Enter the API key</h1>
  <p>The server printed it at its first start. For a deployed API, <code>abtest key</code> prints it.</p>
  <label for="key">API key</label>
  <input id="key" type="password" autocomplete="off" required aria-describedby=${wrong && "wrong-key"} aria-invalid=${wrong ? "true" : null} />
  ${wrong && html`<p class="wrong" id="wrong-key" role="alert">${wrong}</p>`}
  <button class="main">Show the experiments</button>
</form>`

/** @param {SubmitEvent} event */
function submitKey(event) {
  event.preventDefault()
  const field = /** @type {HTMLFormElement} */ (event.currentTarget).querySelector("input")
  if (!field) return
  logIn(field.value)
  field.value = ""
}

/** For `abtest dashboard`: its link was already used. */
export const useLink = () => html`<div class="notice" key="link">
  <h1>This link was already used</h1>
  <p>The link that <code>abtest dashboard</code> prints works once. Stop the command, start it again, and open the new link.</p>
</div>`

/** @param {string} track @param {string} namespace */
export const empty = (track, namespace) => html`<div class="notice" key="empty">
  <h1>No events yet</h1>
  <p>Nothing was counted in the namespace ${name(namespace)}. Add the snippet to a page, or send a first event:</p>
  <pre tabindex="0">${firstEvent(track, namespace)}</pre>
  <div>
    ${copyButton(() => firstEvent(track, namespace), "Copy command")}
    <button type="button" class="main" onClick=${openSnippet}>Show snippet</button>
    ${mayEdit() && html`<a class="button" id="new" href=${link(null, { namespace }, "new")}>New experiment</a>`}
    <a class="button" href=${link(null, { namespace, status: "archived" })}>Archived experiments</a>
  </div>
</div>`

/** @param {string} experiment @param {string} namespace */
export const missing = (experiment, namespace) => html`<div class="notice" key="missing">
  <h1>No such experiment</h1>
  <p>There is no ${name(experiment)} in the namespace ${name(namespace)}. It was deleted, or it is in another namespace.</p>
  <p><a href=${link(null, { namespace })}>← All experiments</a></p>
</div>`

/** @param {string} detail */
export const refused = (detail) => html`<div class="notice" key="refused">
  <h1>The server refused the request</h1>
  <p>${detail}</p>
  <p><button type="button" onClick=${read}>Try again</button> <a href="#/">All experiments</a></p>
</div>`

/** A banner above older results. @param {string} detail @param {string} asOf */
export const stale = (detail, asOf) => html`<div class="banner" key="stale">
  <p><strong>${detail}</strong>${asOf ? ` You see the counts of ${asOf}.` : " Check that it is running."} The page tries again every few seconds.</p>
  <button type="button" onClick=${read}>Try now</button>
</div>`
