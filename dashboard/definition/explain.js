// Why a unit gets what it gets: each step with its bucket, and what would have to change.
import { explain } from "../data/definitions.js"
import { link } from "../data/router.js"
import { namespace } from "../data/state.js"
import { html, name } from "../parts/html.js"
import { printable } from "../parts/text.js"
import { useState } from "../vendor/hooks.mjs"
import { attributes } from "./typed.js"

/** @import {Explanation} from "../types.js" */

/** @param {{experiment: string}} props */
export function Explain({ experiment }) {
  const [unit, setUnit] = useState("")
  const [typed, setTyped] = useState("")
  const [found, setFound] = useState(/** @type {Explanation | null} */ (null))
  const [wrong, setWrong] = useState("")
  const submit = (/** @type {Event} */ event) => {
    event.preventDefault()
    explain(experiment, unit, attributes(typed)).then((explanation) => {
      setFound(explanation)
      setWrong("")
    }, (error) => {
      setFound(null)
      setWrong(error.message)
    })
  }
  const value = (/** @type {Event} */ event) => /** @type {HTMLInputElement} */ (event.currentTarget).value
  return html`
    <nav class="back"><a href=${link(experiment, { namespace: namespace() })}>← ${name(experiment)}</a></nav>
    <div class="title"><h1>Explain a unit of ${name(experiment)}</h1>
      <p class="quiet">Nothing is counted or stored.</p></div>
    <form class="card" id="explain" onSubmit=${submit}>
      <label class="field"><span>Unit, as in the uuid of events</span>
        <input name="unit" value=${unit} required autocomplete="off" spellcheck=${false} onInput=${(/** @type {Event} */ event) => setUnit(value(event))} /></label>
      <label class="field"><span>Attributes, one per line, such as country=DE or age=30</span>
        <textarea name="attributes" rows="3" value=${typed} spellcheck=${false} onInput=${(/** @type {Event} */ event) => setTyped(value(event))} /></label>
      <p class="wrong" role="alert">${wrong}</p>
      <div class="tools"><button class="main">Explain</button></div>
    </form>
    ${found && answer(found)}`
}

/** @param {Explanation} explanation */
const answer = ({ variant, reason, exposure, steps, to_include }) => html`
  <div class="card answer" id="explained" role="status">
    <p>${variant === null ? "The unit gets the caller's default" : ["The unit gets ", html`<strong>${name(variant)}</strong>`]}${
      ` (reason: ${reason}). ${exposure ? "It counts as an exposure." : "It is not an exposure."}`}</p>
    ${to_include && html`<p>${printable(`For the unit to take part: ${to_include}`)}</p>`}
  </div>
  <ol class="card history">${steps.map(({ step, finding, bucket, decides }) => html`<li>
    <p class="quiet">${[step, bucket !== undefined && `bucket ${bucket} of 10,000`, decides && "this step decided"].filter(Boolean).join(" · ")}</p>
    <p>${printable(finding)}</p>
  </li>`)}</ol>`
