// The layers of a namespace as bars, with who holds which slots; and the settings of the namespace.
import { openDialog } from "../data/actions.js"
import { changeSettings } from "../data/definitions.js"
import { read } from "../data/reading.js"
import { link } from "../data/router.js"
import { mayEdit, namespace, say } from "../data/state.js"
import { close } from "../parts/dialogs.js"
import { html, name } from "../parts/html.js"
import { printable } from "../parts/text.js"
import { useState } from "../vendor/hooks.mjs"
import { choice, Json, text } from "./fields.js"
import { isStale } from "./preview.js"

/** @import {Layer, Members, TaggedSettings} from "../types.js" */

/** How many tones tell the holders of a layer apart. */
const TONES = 4

/** @param {TaggedSettings} settings */
export const layers = (settings) => html`
  <nav class="back" key="back"><a href=${link(null, { namespace: namespace() })}>← All experiments</a></nav>
  <div class="title" key="title">
    <h1>Layers</h1>
    <p class="quiet">Experiments of one layer never share a visitor. Each holds a part of the layer.</p>
  </div>
  ${settings.layers.length === 0 && html`<p class="notice" key="none">There is no layer yet.</p>`}
  ${settings.layers.map((one) => layer(settings, one))}
  ${mayEdit() && html`<${NewLayer} key="new layer" settings=${settings} /><${SettingsForm} key="settings" settings=${settings} />`}`

/** @param {TaggedSettings} settings @param {Layer} layer */
const layer = (settings, { name: title, description, free, holders }) => html`<section class="card layer" key=${title} aria-label=${printable(title)}>
  <header><h2>${name(title)}</h2><span class="quiet">${free}% free</span></header>
  ${description && html`<p>${printable(description)}</p>`}
  <svg class="slots" aria-hidden="true">${holders.flatMap(({ experiment, slots }, index) => slots.map(([from = 0, to = 0]) =>
    html`<rect class="tone${index % TONES}" x="${from / 100}%" width="${(to - from) / 100}%" height="100%"><title>${printable(experiment)}</title></rect>`))}</svg>
  <ul>${holders.map(({ experiment, traffic }, index) => html`<li>
    <svg class="key" aria-hidden="true"><rect class="tone${index % TONES}" width="100%" height="100%" /></svg>
    <a href=${link(experiment, { namespace: namespace() })}>${name(experiment)}</a> ${traffic}%</li>`)}</ul>
  ${mayEdit() && html`<${ChangeLayer} settings=${settings} title=${title} description=${description} />`}
</section>`

/** The layers as a request names them. @param {TaggedSettings} settings @returns {Members[]} */
const listed = ({ layers }) => layers.map(({ name, description }) => ({ name, description }))

/** Saves members of the settings, and says why if that fails. @param {TaggedSettings} settings */
function useSave(settings) {
  const [wrong, setWrong] = useState("")
  const save = (/** @type {Members} */ members, /** @type {string} */ done) => changeSettings(settings, members).then(() => {
    setWrong("")
    say(done)
    read()
    return true
  }, (error) => {
    setWrong(isStale(error) ? "Another person changed the settings meanwhile. Check them, and save again." : error.message)
    read()
    return false
  })
  return { wrong: html`<p class="wrong" role="alert">${wrong}</p>`, save }
}

/** @param {{settings: TaggedSettings, title: string, description: string | null}} props */
function ChangeLayer({ settings, title, description }) {
  const [typed, setTyped] = useState(description ?? "")
  const { wrong, save } = useSave(settings)
  const submit = (/** @type {Event} */ event) => {
    event.preventDefault()
    save({ layers: listed(settings).map((one) => (one.name === title ? { ...one, description: typed || null } : one)) }, `Saved the layer ${printable(title)}.`)
  }
  const remove = () => save({ layers: listed(settings).filter((one) => one.name !== title) }, `Deleted the layer ${printable(title)}.`)
  return html`<form onSubmit=${submit}><div class="tools">
      ${text("Description", `description of ${title}`, typed, setTyped, [])}
      <button>Save</button>
      <button type="button" class="danger" onClick=${() => openDialog(html`<${Deletion} title=${title} remove=${remove} />`)}>Delete…</button>
    </div>${wrong}</form>`
}

/** Asks before a layer is deleted. @param {{title: string, remove: () => void}} props */
const Deletion = ({ title, remove }) => html`<div>
  <h2 id="dialog-title">Delete the layer ${name(title)}?</h2>
  <p>Visitors notice nothing: only a layer without experiments can be deleted.</p>
  <div class="ends">
    <button type="button" class="close" onClick=${close}>Cancel</button>
    <button type="button" class="danger" onClick=${() => { close(); remove() }}>Delete</button>
  </div>
</div>`

/** @param {{settings: TaggedSettings}} props */
function NewLayer({ settings }) {
  const [title, setTitle] = useState("")
  const [description, setDescription] = useState("")
  const { wrong, save } = useSave(settings)
  const submit = async (/** @type {Event} */ event) => {
    event.preventDefault()
    const layer = { name: title, description: description || null }
    if (!await save({ layers: [...listed(settings), layer] }, `Added the layer ${printable(title)}.`)) return
    setTitle("")
    setDescription("")
  }
  return html`<form class="card" id="new-layer" onSubmit=${submit}>
    <h2>New layer</h2>
    <div class="tools">${text("Name", "name", title, setTitle, [], { required: true })}
      ${text("Description", "description", description, setDescription, [])}
      <button class="main">Add layer</button></div>
    ${wrong}
  </form>`
}

/** @param {{settings: TaggedSettings}} props */
function SettingsForm({ settings }) {
  const [typed, setTyped] = useState(/** @type {Members} */ ({}))
  const { wrong, save } = useSave(settings)
  const { accept, defaults } = { ...settings, ...typed }
  const set = (/** @type {string} */ member) => (/** @type {any} */ value) => setTyped({ ...typed, [member]: value ?? {} })
  const submit = async (/** @type {Event} */ event) => {
    event.preventDefault()
    if (await save({ accept, defaults }, "Saved the settings.")) setTyped({})
  }
  return html`<form class="card" id="settings" onSubmit=${submit}>
    <h2>Settings of this namespace</h2>
    ${choice("Events to count", "accept", accept, [["any", "every event"], ["declared", "only experiments, variants and goals of definitions"]], set("accept"), [])}
    <${Json} label="Members that definitions get if they omit them, as JSON" name="defaults" value=${defaults} set=${set("defaults")} />
    ${wrong}
    <div class="tools"><button class="main">Save settings</button></div>
  </form>`
}
