// One step in an experiment's life: a dialog that says what visitors will see, and asks once.
import { openDialog } from "../data/actions.js"
import { edit, readDefinition } from "../data/definitions.js"
import { read } from "../data/reading.js"
import { say } from "../data/state.js"
import { close } from "../parts/dialogs.js"
import { html, name } from "../parts/html.js"
import { printable } from "../parts/text.js"
import { useEffect, useState } from "../vendor/hooks.mjs"
import { difference, typedNumber } from "./members.js"
import { effects, isStale, meanwhile, usePreview } from "./preview.js"
import { sentences } from "./sentences.js"

/** @import {Content} from "../parts/html.js" */
/** @import {Members} from "../types.js" */

/** @typedef {(values: Members, set: (changes: Members) => void, definition: Members) => Content} Fields */

/**
 * @typedef {object} Step
 * @property {string} label
 * @property {string} done what the page says afterwards
 * @property {string} [tone]
 * @property {(definition: Members) => Members} values what the request contains first
 * @property {Fields} [fields]
 */

/** A text that is typed into a field. @param {Event} event */
const typed = ({ currentTarget }) => /** @type {HTMLInputElement | HTMLSelectElement} */ (currentTarget).value

/** @type {Fields} */
const trafficField = ({ traffic }, set) => html`<label>Percent of all visitors
  <input inputmode="decimal" name="traffic" value=${traffic} onInput=${(/** @type {Event} */ event) => set({ traffic: typedNumber(typed(event)) })} /></label>`

/** @type {Fields} */
const weightFields = ({ weights }, set, { variants }) => variants.map((/** @type {Members} */ { name: one }) => html`<label key=${one}>Weight of ${name(one)}
  <input inputmode="decimal" name="weight ${one}" value=${weights[one]} onInput=${(/** @type {Event} */ event) => set({ weights: { ...weights, [one]: typedNumber(typed(event)) } })} /></label>`)

/** @type {Fields} */
const winnerField = ({ winner }, set, { variants }) => html`<label>Winner
  <select name="winner" value=${winner} onChange=${(/** @type {Event} */ event) => set({ winner: typed(event) })}>
    ${variants.map((/** @type {Members} */ { name: one }) => html`<option value=${one}>${printable(one)}</option>`)}
  </select></label>`

/** @type {Record<"start" | "pause" | "resume" | "traffic" | "weights" | "stop" | "archive" | "restore", Step>} */
export const STEPS = {
  start: { label: "Start", done: "Started", tone: "main", values: () => ({ status: "running" }) },
  pause: { label: "Pause", done: "Paused", tone: "danger", values: () => ({ status: "paused" }) },
  resume: { label: "Resume", done: "Resumed", tone: "main", values: () => ({ status: "running" }) },
  traffic: { label: "Change traffic", done: "Changed the traffic of", values: ({ traffic }) => ({ traffic }), fields: trafficField },
  weights: { label: "Change weights", done: "Changed the weights of", values: ({ weights }) => ({ weights }), fields: weightFields },
  stop: { label: "Stop", done: "Stopped", tone: "danger", values: ({ control, winner }) => ({ status: "completed", winner: winner ?? control }), fields: winnerField },
  archive: { label: "Archive", done: "Archived", tone: "danger", values: ({ status }) => ({ status: "archived", ...(status === "completed" ? { confirm: true } : {}) }) },
  restore: { label: "Restore", done: "Restored", values: ({ winner }) => ({ status: winner ? "completed" : "draft" }) }
}

/** Opens the dialog of a step. @param {string} experiment @param {Members} definition @param {keyof typeof STEPS} step */
export const change = (experiment, definition, step) =>
  openDialog(html`<${StepDialog} experiment=${experiment} first=${definition} step=${STEPS[step]} />`)

/** @param {{experiment: string, first: Members, step: Step}} props */
function StepDialog({ experiment, first, step }) {
  const [definition, setDefinition] = useState(first)
  const [values, setValues] = useState(() => step.values(first))
  const [why, setWhy] = useState("")
  const [changes, setChanges] = useState(/** @type {string[]} */ ([]))
  const [wrong, setWrong] = useState("")
  const [busy, setBusy] = useState(false)
  const { version } = definition
  const preview = usePreview((signal) => edit(experiment, "PATCH", values, version, signal), JSON.stringify([values, version]))

  const catchUp = async () => {
    const theirs = await readDefinition(experiment)
    setChanges(sentences(difference(first, theirs)))
    setDefinition(theirs)
  }
  useEffect(() => { if (isStale(preview.problem)) catchUp().catch((error) => setWrong(error.message)) }, [preview.problem])

  const submit = async (/** @type {Event} */ event) => {
    event.preventDefault()
    setBusy(true)
    setWrong("")
    try {
      await edit(experiment, "PATCH", why ? { ...values, why } : values, version)
      close()
      say(`${step.done} ${printable(experiment)}.`)
      read()
    } catch (error) {
      setBusy(false)
      if (isStale(/** @type {Error} */ (error))) await catchUp()
      else setWrong(error instanceof Error ? error.message : String(error))
    }
  }
  return html`<form class="step" onSubmit=${submit}>
    <h2 id="dialog-title">${step.label}: ${name(experiment)}</h2>
    ${meanwhile(changes)}
    ${step.fields?.(values, (more) => setValues({ ...values, ...more }), definition)}
    <label>Reason, for the history
      <input name="why" value=${why} onInput=${(/** @type {Event} */ event) => setWhy(typed(event))} maxlength="2000" autocomplete="off" /></label>
    ${effects(preview)}
    <p class="wrong" role="alert">${wrong}</p>
    <div class="ends">
      <button type="button" class="close" onClick=${close}>Cancel</button>
      <button class=${step.tone ?? "main"} disabled=${busy || preview.edited === null}>${step.label}</button>
    </div>
  </form>`
}
