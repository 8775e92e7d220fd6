// The layers of a namespace as bars: who holds which slots.
import { addLayer } from "../data/definitions.js"
import { read } from "../data/reading.js"
import { link } from "../data/router.js"
import { mayEdit, namespace, say } from "../data/state.js"
import { html, name } from "../parts/html.js"
import { printable } from "../parts/text.js"
import { useState } from "../vendor/hooks.mjs"

/** @import {Layer, Settings} from "../types.js" */

/** How many tones tell the holders of a layer apart. */
const TONES = 4

/** @param {Settings} settings */
export const layers = (settings) => html`
  <nav class="back" key="back"><a href=${link(null, { namespace: namespace() })}>← All experiments</a></nav>
  <div class="title" key="title">
    <h1>Layers</h1>
    <p class="quiet">Experiments of one layer never share a visitor. Each holds a part of the layer.</p>
  </div>
  ${settings.layers.length === 0 && html`<p class="notice" key="none">There is no layer yet.</p>`}
  ${settings.layers.map(layer)}
  ${mayEdit() && html`<${NewLayer} key="new layer" settings=${settings} />`}`

/** @param {Layer} layer */
const layer = ({ name: title, description, free, holders }) => html`<section class="card layer" key=${title} aria-label=${printable(title)}>
  <header><h2>${name(title)}</h2><span class="quiet">${free}% free</span></header>
  ${description && html`<p>${printable(description)}</p>`}
  <svg class="slots" aria-hidden="true">${holders.flatMap(({ experiment, slots }, index) => slots.map(([from = 0, to = 0]) =>
    html`<rect class="tone${index % TONES}" x="${from / 100}%" width="${(to - from) / 100}%" height="100%"><title>${printable(experiment)}</title></rect>`))}</svg>
  <ul>${holders.map(({ experiment, traffic }, index) => html`<li>
    <svg class="key" aria-hidden="true"><rect class="tone${index % TONES}" width="100%" height="100%" /></svg>
    <a href=${link(experiment, { namespace: namespace() })}>${name(experiment)}</a> ${traffic}%</li>`)}</ul>
</section>`

/** @param {{settings: Settings}} props */
function NewLayer({ settings }) {
  const [title, setTitle] = useState("")
  const [wrong, setWrong] = useState("")
  const submit = async (/** @type {Event} */ event) => {
    event.preventDefault()
    try {
      await addLayer(settings, { name: title })
      setTitle("")
      setWrong("")
      say(`Added the layer ${printable(title)}.`)
      read()
    } catch (error) {
      setWrong(error instanceof Error ? error.message : String(error))
    }
  }
  return html`<form class="card" id="new-layer" onSubmit=${submit}>
    <h2>New layer</h2>
    <div class="tools"><label>Name<input required value=${title} onInput=${(/** @type {any} */ event) => setTitle(event.target.value)} autocomplete="off" /></label>
      <button class="main">Add layer</button></div>
    <p class="wrong" role="alert">${wrong}</p>
  </form>`
}
