// The history of a definition, newest change first.
import { link } from "../data/router.js"
import { namespace } from "../data/state.js"
import { html, name } from "../parts/html.js"
import { printable } from "../parts/text.js"
import { sentences } from "./sentences.js"

/** @import {HistoryChange} from "../types.js" */

/** @param {string} experiment @param {HistoryChange[]} changes */
export const history = (experiment, changes) => html`
  <nav class="back" key="back"><a href=${link(experiment, { namespace: namespace() })}>← ${name(experiment)}</a></nav>
  <div class="title" key="title"><h1>History of ${name(experiment)}</h1></div>
  <ol class="card history" key="history">${changes.toReversed().map((change) => html`<li key=${change.version}>
    <p class="quiet"><time datetime=${change.at}>${new Date(change.at).toLocaleString()}</time>${` · version ${change.version} · ${printable(author(change))}`}</p>
    ${did(change).map((sentence) => html`<p>${sentence}</p>`)}
    ${change.why && html`<p class="quiet">Reason: ${printable(change.why)}</p>`}
  </li>`)}</ol>`

/** @param {HistoryChange} change */
const did = ({ changed }) => (Object.keys(changed).length === 0 ? ["Deleted."] : sentences(changed))

/** @param {HistoryChange} change */
const author = ({ by, actor }) => (actor ? `${actor} (${by})` : by)
