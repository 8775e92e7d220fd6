// The fields of the editor. Each shows and changes a part of the definition's JSON.
import { html } from "../parts/html.js"
import { printable } from "../parts/text.js"
import { useState } from "../vendor/hooks.mjs"
import { fromField, isEmpty, removeVariant, renameVariant, toField, typedJson, typedNumber, withMember, withWeight } from "./members.js"
import { joined, labels, pairs, parts, segments, writePairs, writeSegments } from "./typed.js"

/** @import {Content} from "../parts/html.js" */
/** @import {Members, Settings, Violation} from "../types.js" */

/** @typedef {(value: any) => void} Set */
/** @typedef {[string, string][]} Options value and text */

/** What is wrong with a field. A violation names the member, or a part of it. @param {Violation[]} errors @param {string} path */
const wrongIn = (errors, path) => errors.filter(({ member }) => member === path || member.startsWith(`${path}.`) || member.startsWith(`${path}[`))

/** A field with its label and what is wrong. @param {string} label @param {Violation[]} wrong @param {Content} input */
const field = (label, wrong, input) => html`<label class="field"><span>${label}</span>${input}
  ${wrong.map(({ member, rule }) => html`<span class="wrong">${member} ${rule}</span>`)}</label>`

/** @param {Event} event */
const valueOf = ({ currentTarget }) => /** @type {HTMLInputElement} */ (currentTarget).value

/**
 * @param {string} label @param {string} path @param {any} value @param {Set} set @param {Violation[]} errors
 * @param {Record<string, any>} [more] attributes
 */
export const text = (label, path, value, set, errors, more = {}) => {
  const wrong = wrongIn(errors, path)
  return field(label, wrong, html`<input name=${path} value=${value ?? ""} onInput=${(/** @type {Event} */ event) => set(valueOf(event))}
    aria-invalid=${wrong.length > 0 ? "true" : null} autocomplete="off" ...${more} />`)
}

/**
 * A value that is typed as a text. The text stays as it is typed.
 * @param {{label: string, path: string, value: any, set: Set, errors: Violation[], read: (text: string) => any, write: (value: any) => string, more?: Record<string, any>, lines?: boolean}} props
 */
function Typed({ label, path, value, set, errors, read, write, more = {}, lines = false }) {
  const written = isEmpty(value) ? "" : write(value)
  const [typed, setTyped] = useState(written)
  const now = read(typed)
  const current = (isEmpty(now) && isEmpty(value)) || JSON.stringify(now) === JSON.stringify(value) ? typed : written
  const wrong = wrongIn(errors, path)
  const onInput = (/** @type {Event} */ event) => {
    const one = valueOf(event)
    setTyped(one)
    set(read(one))
  }
  const invalid = wrong.length > 0 ? "true" : null
  return field(label, wrong, lines
    ? html`<textarea name=${path} rows=${Math.max(1, current.split("\n").length)} value=${current} spellcheck=${false} aria-invalid=${invalid} onInput=${onInput} />`
    : html`<input name=${path} value=${current} aria-invalid=${invalid} autocomplete="off" onInput=${onInput} ...${more} />`)
}

/** A number, as the reader types it. @param {{label: string, path: string, value: any, set: Set, errors: Violation[], factor?: number}} props */
function NumberField({ factor = 1, ...props }) {
  const scaled = (/** @type {any} */ value, /** @type {number} */ by) => (typeof value === "number" ? Number((value * by).toPrecision(12)) : value)
  return html`<${Typed} ...${props} more=${{ inputmode: "decimal" }}
    read=${(/** @type {string} */ one) => scaled(typedNumber(one), 1 / factor)} write=${(/** @type {any} */ value) => String(scaled(value, factor))} />`
}

/** A text that counts once its field is left. @param {{label: string, path: string, value: string, set: Set, errors: Violation[]}} props */
function Committed({ label, path, value, set, errors }) {
  const [typed, setTyped] = useState(/** @type {string | null} */ (null))
  return text(label, path, typed ?? value, setTyped, errors, { onChange: (/** @type {Event} */ event) => {
    setTyped(null)
    set(valueOf(event))
  } })
}

/** @param {string} label @param {string} path @param {any} value @param {Options} options @param {Set} set @param {Violation[]} errors */
export const choice = (label, path, value, options, set, errors) => field(label, wrongIn(errors, path), html`<select name=${path} value=${value ?? ""}
  onChange=${(/** @type {Event} */ event) => set(valueOf(event))}>${options.map(([one, shown]) => html`<option value=${one}>${shown}</option>`)}</select>`)

/** Options whose text is their value. @param {...string} values @returns {Options} */
const same = (...values) => values.map((one) => [one, one])

/** A member as JSON. The text stays as it is typed. @param {{label: string, name: string, value: any, set: Set, errors?: Violation[], whole?: boolean}} props */
export function Json({ label, name, value, set, errors = [], whole = false }) {
  const written = value === undefined ? "" : JSON.stringify(value, null, 2)
  const [typed, setTyped] = useState(written)
  const parsed = typed.trim() === "" ? undefined : typedJson(typed)
  const isBroken = typeof parsed === "string" && !typed.trim().startsWith("\"")
  const current = isBroken || JSON.stringify(parsed) === JSON.stringify(value) ? typed : written
  const wrong = isBroken ? [{ member: label, rule: "is not JSON yet" }] : wrongIn(errors, name)
  return field(label, wrong, html`<textarea name=${name} rows=${whole ? 24 : 1} value=${current} spellcheck=${false}
    aria-invalid=${wrong.length > 0 ? "true" : null} onInput=${(/** @type {Event} */ event) => {
      const one = valueOf(event)
      setTyped(one)
      const now = one.trim() === "" ? undefined : typedJson(one)
      if (whole ? now !== null && typeof now === "object" && Array.isArray(now.variants) : true) set(now)
    }} />`)
}

/**
 * @param {Members} members
 * @param {(members: Members) => void} change
 * @param {Violation[]} errors
 * @param {Settings} settings
 * @param {boolean} isNew
 */
export function all(members, change, errors, settings, isNew) {
  const set = (/** @type {string} */ member) => (/** @type {any} */ value) => change(withMember(members, member, value))
  const plain = (/** @type {string} */ label, /** @type {string} */ member) => text(label, member, members[member], set(member), errors)
  const part = (/** @type {string} */ member, /** @type {string} */ key) => (/** @type {any} */ value) => change(withMember(members, member, withMember(members[member] ?? {}, key, value)))
  const number = (/** @type {string} */ label, /** @type {string} */ member, /** @type {string} */ key, factor = 1) =>
    html`<${NumberField} label=${label} path="${member}.${key}" value=${members[member]?.[key]} set=${part(member, key)} errors=${errors} factor=${factor} />`
  const lines = (/** @type {string} */ label, /** @type {string} */ member, /** @type {(text: string) => any} */ read, /** @type {(value: any) => string} */ write) =>
    html`<${Typed} label=${label} path=${member} value=${members[member]} set=${set(member)} errors=${errors} read=${read} write=${write} lines=${true} />`
  const names = /** @type {Options} */ (members.variants.map((/** @type {Members} */ { name }) => [name ?? "", printable(String(name ?? ""))]))
  const layers = /** @type {Options} */ ([["", "no layer"], ...settings.layers.map(({ name }) => [name, printable(name)])])
  return html`
    ${plain("Description", "description")}
    ${plain("Hypothesis", "hypothesis")}
    ${plain("Owner", "owner")}
    <${Typed} label="Tags, with commas between" path="tags" value=${members.tags} set=${set("tags")} errors=${errors} read=${parts} write=${joined} />
    ${lines("Labels, one per line: key = text", "labels", labels, writePairs)}
    ${variants(members, change, errors)}
    <div class="tools">
      ${choice("Control", "control", members.control ?? members.variants[0]?.name, names, set("control"), errors)}
      ${choice("Fallback", "fallback", members.fallback ?? members.control ?? members.variants[0]?.name, names, set("fallback"), errors)}
      <${NumberField} label="Traffic in %" path="traffic" value=${members.traffic ?? 100} set=${(/** @type {any} */ value) => change({ ...members, traffic: value })} errors=${errors} />
      ${choice("Layer", "layer", members.layer, layers, set("layer"), errors)}
      ${choice("Counting", "counting", members.counting, [["", "as the store is set"], ["hll", "estimated (HyperLogLog)"], ["exact", "exact"]], set("counting"), errors)}
      ${isNew && choice("Status", "status", members.status ?? "draft", same("draft", "running"), set("status"), errors)}
    </div>
    <${Json} label="Targeting, as a condition in JSON" name="targeting" value=${members.targeting} set=${set("targeting")} errors=${errors} />
    ${lines("Overrides, one per line: unit = variant", "overrides", pairs, writePairs)}
    ${goals(members, change, errors)}
    ${lines("Segments, one per line: attribute = value, value", "segments", segments, writeSegments)}
    <fieldset><legend>Analysis</legend><div class="tools">
      ${choice("Method", "analysis.method", members.analysis?.method ?? "always_valid", [["always_valid", "look at any time"], ["sequential", "planned looks"], ["fixed", "one look at the end"]], part("analysis", "method"), errors)}
      ${number("Minimum lift in %", "analysis", "minimum_lift", 100)}
      ${number("Planned participants", "analysis", "planned")}
    </div></fieldset>
    ${schedule(members, part, change, errors)}`
}

/** @param {Members} members @param {(members: Members) => void} change @param {Violation[]} errors */
const variants = (members, change, errors) => html`<fieldset><legend>Variants</legend>
  ${members.variants.map((/** @type {Members} */ one, /** @type {number} */ index) => html`<div class="tools" key=${index}>
    <${Committed} label="Name" path="variants[${index}].name" value=${one.name} errors=${errors} set=${(/** @type {string} */ name) => change(renameVariant(members, index, name))} />
    <${NumberField} label="Weight" path="weights.${one.name}" value=${members.weights?.[one.name] ?? 1} set=${(/** @type {any} */ value) => change(withWeight(members, one.name, value))} errors=${errors} />
    <${Json} label="Payload, JSON" name="variants[${index}].payload" value=${one.payload} errors=${errors}
      set=${(/** @type {any} */ value) => change({ ...members, variants: replaced(members.variants, index, withMember(one, "payload", value)) })} />
    ${members.variants.length > 1 && remove(`Remove the variant ${one.name}`, () => change(removeVariant(members, index)))}
  </div>`)}
  ${wrongIn(errors, "variants").filter(({ member }) => member === "variants").map(({ rule }) => html`<p class="wrong">variants ${rule}</p>`)}
  <button type="button" id="add-variant" onClick=${() => change({ ...members, variants: [...members.variants, { name: unused("variant", members.variants) }] })}>Add a variant</button>
</fieldset>`

/** @param {Members} members @param {(members: Members) => void} change @param {Violation[]} errors */
function goals(members, change, errors) {
  const list = members.goals ?? []
  const set = (/** @type {number} */ index, /** @type {string} */ key) => (/** @type {any} */ value) =>
    change({ ...members, goals: replaced(list, index, withMember(list[index], key, value)) })
  return html`<fieldset><legend>Goals</legend>
    ${list.map((/** @type {Members} */ one, /** @type {number} */ index) => html`<div class="tools" key=${index}>
      ${text("Name", `goals[${index}].name`, one.name, set(index, "name"), errors)}
      ${choice("Role", `goals[${index}].role`, one.role ?? "secondary", same("primary", "secondary", "guardrail"), set(index, "role"), errors)}
      ${choice("Kind", `goals[${index}].kind`, one.kind ?? "conversion", same("conversion", "count", "value"), set(index, "kind"), errors)}
      ${choice("Better", `goals[${index}].better`, one.better ?? "higher", same("higher", "lower"), set(index, "better"), errors)}
      ${remove(`Remove the goal ${one.name}`, () => change(withMember(members, "goals", list.filter((/** @type {any} */ _, /** @type {number} */ at) => at !== index))))}
    </div>`)}
    <button type="button" id="add-goal" onClick=${() => change({ ...members, goals: [...list, { name: unused("goal", list) }] })}>Add a goal</button>
  </fieldset>`
}

/**
 * @param {Members} members @param {(member: string, key: string) => Set} part
 * @param {(members: Members) => void} change @param {Violation[]} errors
 */
function schedule(members, part, change, errors) {
  const ramp = members.schedule?.ramp ?? []
  const set = part("schedule", "ramp")
  const time = (/** @type {string} */ label, /** @type {string} */ path, /** @type {any} */ value, /** @type {Set} */ store) =>
    text(label, path, toField(value), (one) => store(fromField(one)), errors, { type: "datetime-local" })
  return html`<fieldset><legend>Schedule, in your time zone</legend>
    <div class="tools">
      ${time("Start", "schedule.start", members.schedule?.start, part("schedule", "start"))}
      ${time("Pause", "schedule.stop", members.schedule?.stop, part("schedule", "stop"))}
    </div>
    ${ramp.map((/** @type {Members} */ one, /** @type {number} */ index) => html`<div class="tools" key=${index}>
      ${time("Change traffic at", `schedule.ramp[${index}].at`, one.at, (at) => set(replaced(ramp, index, { ...one, at })))}
      <${NumberField} label="Traffic in %" path="schedule.ramp[${index}].traffic" value=${one.traffic} set=${(/** @type {any} */ traffic) => set(replaced(ramp, index, { ...one, traffic }))} errors=${errors} />
      ${remove("Remove this step", () => set(ramp.filter((/** @type {any} */ _, /** @type {number} */ at) => at !== index)))}
    </div>`)}
    <button type="button" id="add-step" onClick=${() => set([...ramp, { at: new Date(Date.now() + 86_400_000).toISOString(), traffic: 50 }])}>Add a traffic step</button>
  </fieldset>`
}

/** @param {string} label @param {() => void} action */
const remove = (label, action) => html`<button type="button" aria-label=${printable(label)} onClick=${action}>Remove</button>`

/** @param {any[]} list @param {number} index @param {any} value */
const replaced = (list, index, value) => list.map((one, at) => (at === index ? value : one))

/** A name that no entry has: "variant 2". @param {string} noun @param {Members[]} list */
function unused(noun, list) {
  let number = list.length + 1
  while (list.some(({ name }) => name === `${noun} ${number}`)) number += 1
  return `${noun} ${number}`
}
