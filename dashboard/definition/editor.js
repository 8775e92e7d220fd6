// The form that creates and edits a definition, with its JSON next to it. The server checks it while it is typed.
import { openDialog } from "../data/actions.js"
import { edit, readDefinition } from "../data/definitions.js"
import { link } from "../data/router.js"
import { namespace, say } from "../data/state.js"
import { close } from "../parts/dialogs.js"
import { html, name as shownName } from "../parts/html.js"
import { printable } from "../parts/text.js"
import { useEffect, useState } from "../vendor/hooks.mjs"
import * as fields from "./fields.js"
import { difference, fromCounts, merge, written } from "./members.js"
import { effects, isStale, meanwhile, usePreview, violations } from "./preview.js"
import { announcement, sentences } from "./sentences.js"

/** @import {Experiment, Members, Settings} from "../types.js" */

/** The first text of a new definition. @type {Members} */
const NEW = { variants: [{ name: "control" }, { name: "variant" }], goals: [{ name: "signup", role: "primary" }] }

/** @param {{name: string | null, experiment: Experiment | null, settings: Settings}} props `name` is null for a new experiment */
export function Editor({ name: given, experiment, settings }) {
  const latest = /** @type {Members | undefined} */ (experiment?.definition)
  const [name, setName] = useState(given ?? "")
  /** The version that is edited; null while there is none. */
  const [base, setBase] = useState(/** @type {Members | null} */ (latest ?? null))
  const [members, setMembers] = useState(/** @type {Members} */ (latest ? written(latest) : experiment ? fromCounts(experiment) : NEW))
  const [why, setWhy] = useState("")
  const [theirs, setTheirs] = useState({ sentences: /** @type {string[]} */ ([]), both: /** @type {string[]} */ ([]) })
  const [wrong, setWrong] = useState("")
  const [busy, setBusy] = useState(false)
  const version = base?.version ?? null
  const target = name || "new"
  const preview = usePreview((signal) => edit(target, "PUT", members, version, signal), JSON.stringify([target, members, version]))

  /** Takes over what another person changed. What is typed here stays. @param {Members} now */
  const takeOver = (now) => {
    const before = base ? written(base) : {}
    const merged = merge(before, members, written(now))
    setTheirs({ sentences: sentences(difference(before, written(now))), both: merged.both })
    setMembers(merged.members)
    setBase(now)
  }
  const catchUp = () => readDefinition(name).then(takeOver).catch((error) => setWrong(error.message))
  useEffect(() => { if (isStale(preview.problem)) catchUp() }, [preview.problem])
  useEffect(() => { if (latest && base && latest.version > base.version) takeOver(latest) }, [latest?.version])

  const save = async () => {
    setBusy(true)
    setWrong("")
    try {
      await edit(name, "PUT", why ? { ...members, why } : members, version)
      say(`Saved ${printable(name)}.`)
      location.hash = link(name, { namespace: namespace() })
    } catch (error) {
      setBusy(false)
      if (isStale(/** @type {Error} */ (error))) await catchUp()
      else setWrong(error instanceof Error ? error.message : String(error))
    }
  }
  const submit = (/** @type {Event} */ event) => {
    event.preventDefault()
    const seen = base && preview.edited ? announcement(preview.edited) : []
    if (seen.length === 0) save()
    else openDialog(html`<${Confirm} seen=${seen} save=${save} />`)
  }
  const errors = violations(preview)
  const isSavable = name !== "" && preview.edited !== null && !busy
  return html`
    <nav class="back" key="back"><a href=${link(given, { namespace: namespace() })}>← ${given ? shownName(given) : "All experiments"}</a></nav>
    <div class="title" key="title"><h1>${given === null ? "New experiment" : base ? ["Edit ", shownName(given)] : ["Define ", shownName(given)]}</h1></div>
    ${meanwhile(theirs.sentences, theirs.both)}
    <form class="editor" id="editor" key="editor" onSubmit=${submit} novalidate>
      <div class="card">
        ${given === null && fields.text("Name", "name", name, setName, [], { required: true })}
        ${fields.all(members, setMembers, errors, settings, base === null)}
        ${base && fields.text("Reason, for the history", "why", why, setWhy, [])}
      </div>
      <div class="card aside">
        <${fields.Json} label="JSON" name="json" value=${members} set=${setMembers} whole=${true} />
        ${effects(preview)}
        <p class="wrong" role="alert">${wrong}</p>
        <button class="main" id="save" disabled=${!isSavable}>${given === null ? "Create" : "Save"}</button>
      </div>
    </form>`
}

/** Asks before a change that visitors notice. @param {{seen: string[], save: () => void}} props */
const Confirm = ({ seen, save }) => html`<div>
  <h2 id="dialog-title">Save these changes?</h2>
  <p>What visitors will see:</p>
  <ul>${seen.map((sentence) => html`<li>${sentence}</li>`)}</ul>
  <div class="ends">
    <button type="button" class="close" onClick=${close}>Cancel</button>
    <button type="button" class="main" onClick=${() => { close(); save() }}>Save</button>
  </div>
</div>`
