// The list of experiments, one row per experiment.
import { choose, chooseField, reorder } from "../data/actions.js"
import { page, participants, since } from "../data/order.js"
import { link } from "../data/router.js"
import { mayEdit } from "../data/state.js"
import { statusTag } from "../definition/card.js"
import { count } from "../parts/figures.js"
import { html, name } from "../parts/html.js"
import { aroundRates, bar } from "../parts/interval.js"
import { counted, printable } from "../parts/text.js"
import { badge, sentence } from "../parts/verdict.js"

/** @import {Analysis, Experiment, GoalAnalysis, Members} from "../types.js" */

/** Most variants in a row's drawing. */
const DRAWN = 5

/** The orders of the list. */
const ORDERS = [["participants", "participants"], ["name", "name"], ["verdict", "verdict"], ["since", "newest"]]

/** The statuses to choose from. Without a choice, archived experiments are hidden. */
const STATUSES = [["", "not archived"], ...["draft", "running", "paused", "completed", "archived"].map((one) => [one, one]), ["undefined", "not defined"]]

/**
 * @typedef {object} Listing
 * @property {string} namespace
 * @property {Experiment[]} experiments
 * @property {Map<string, Experiment>} analysed
 * @property {string[]} order names, in the order shown
 * @property {number} fresh how many experiments are new since then
 * @property {Set<string>} hidden
 * @property {URLSearchParams} selected
 */

/** @param {Listing} listing */
export function list(listing) {
  const { experiments, order: names, selected, fresh } = listing
  const { number, last, first, names: shown } = page(names, selected)
  const known = new Map(experiments.map((one) => [one.experiment, one]))
  return html`
    <div class="title" key="title"><h1>Experiments</h1><p class="quiet">${summary(listing)}</p></div>
    ${tools(listing)}
    ${fresh > 0 && html`<button type="button" class="fresh" key="fresh" onClick=${reorder}>${counted(fresh, "new experiment", count(fresh))} – show</button>`}
    ${names.length === 0
      ? nothing(selected)
      : html`<ol class="rows" key="rows" start=${first}>${shown.map((one) => row(listing, known.get(one), one))}</ol>`}
    ${last > 0 && pager(number, last, selected)}`
}

/** @param {Listing} listing */
function summary({ experiments, hidden, selected, order: names }) {
  const there = experiments.filter(({ experiment }) => hidden.has(experiment)).length
  const all = experiments.length - there
  const words = counted(all, "experiment", count(all))
  return selected.get("search") ? `${count(names.length)} found of ${words}` : words + (there > 0 ? `, ${count(there)} hidden` : "")
}

/** @param {Listing} listing */
function tools({ selected, hidden }) {
  return html`<div class="tools" key="tools" role="search">
    <label><span>Search</span>
      <input type="search" name="search" value=${selected.get("search") ?? ""} onInput=${chooseField}
        placeholder="part of a name" autocomplete="off" spellcheck=${false} /></label>
    <label><span>Sort by</span>
      <select name="sort" value=${selected.get("sort") ?? "participants"} onChange=${chooseField}>
        ${ORDERS.map(([value, text]) => html`<option value=${value}>${text}</option>`)}
      </select></label>
    <label><span>Status</span>
      <select name="status" value=${selected.get("status") ?? ""} onChange=${chooseField}>
        ${STATUSES.map(([value, text]) => html`<option value=${value}>${text}</option>`)}
      </select></label>
    ${mayEdit() && html`<a class="button main" id="new" key="new" href=${link(null, { namespace: selected.get("namespace") }, "new")}>New experiment</a>`}
    <a class="button" key="layers" href=${link(null, { namespace: selected.get("namespace") }, "layers")}>Layers and settings</a>
    ${(hidden.size > 0 || selected.has("hidden")) && html`<label class="check" key="hidden">
      <input type="checkbox" name="hidden" value="1" checked=${selected.has("hidden")} onChange=${chooseField} /><span>Hidden only</span></label>`}
  </div>`
}

/** @param {URLSearchParams} selected */
function nothing(selected) {
  const search = selected.get("search")
  return html`<div class="notice" key="nothing">
    <h2>${search ? "Nothing found" : "Nothing here"}</h2>
    <p>${search
      ? ["No experiment has ", name(search), " in its name."]
      : selected.get("status") ? "No experiment has this status."
      : selected.has("hidden") ? "No experiment is hidden." : "Every experiment is hidden."}</p>
    <button type="button" onClick=${() => choose({ search: null, hidden: null, status: null })}>Show all experiments</button>
  </div>`
}

/**
 * @param {Listing} listing
 * @param {Experiment | undefined} known
 * @param {string} one
 */
function row({ namespace, analysed, selected }, known, one) {
  const experiment = known ?? { experiment: one, variants: [], goals: [], counting: "exact" }
  const analysis = analysed.get(one)?.analysis
  const goal = analysis && leading(analysis)
  const { summary: verdict, variants, goals } = experiment
  const { traffic } = /** @type {Members} */ (experiment.definition ?? {})
  // A defined experiment without events has counted no variant yet.
  const counts = traffic === undefined || variants.length > 0 ? [counted(variants.length, "variant"), counted(goals.length, "goal")] : []
  const first = since(analysed.get(one) ?? experiment)
  return html`<li key=${one}>
    <div class="what">
      <h2><a href=${link(one, { namespace: selected.get("namespace") ?? namespace })}>${name(one)}</a></h2>
      <p class="quiet">${known
        ? [statusTag(experiment), [traffic !== undefined && `${traffic}% of visitors`, first && `since ${first}`, ...counts].filter(Boolean).join(" · ")]
        : "no longer in this list"}</p>
    </div>
    <p class="many"><strong>${count(participants(experiment))}</strong><span class="quiet"> participants</span></p>
    <div class="drawn">${goal && drawing(goal, analysis.control)}</div>
    <div class="verdict">${verdict && html`${badge(verdict, verdict.control)}<p>${sentence(verdict)}</p>`}</div>
  </li>`
}

/** The goal of the verdict. @param {Analysis} analysis */
const leading = ({ verdict, goals }) => goals.find(({ goal }) => goal === verdict.goal) ?? goals[0]

/** @param {GoalAnalysis} goal @param {string | null} control */
function drawing(goal, control) {
  const intervals = goal.variants.map((one) => ({ one, low: one.low, at: one.rate, high: one.high }))
  const most = intervals.toSorted((a, b) => b.one.trials - a.one.trials).slice(0, DRAWN)
  const drawn = intervals.filter((interval) => most.includes(interval))
  const scale = aroundRates(drawn)
  if (scale === null) return null
  const more = intervals.length - drawn.length
  return html`
    <p class="quiet">${name(goal.goal)}${more > 0 && ` · ${DRAWN} of ${intervals.length} variants`}</p>
    ${drawn.map((interval) => html`<div class="small">
      <span class="quiet" title=${printable(interval.one.variant)}>${name(interval.one.variant)}</span>
      ${bar(scale, interval, { tone: interval.one.variant === control ? "plain" : "coloured" })}
    </div>`)}`
}

/** @param {number} number @param {number} last @param {URLSearchParams} selected */
function pager(number, last, selected) {
  const to = (/** @type {number} */ page, /** @type {string} */ text) => page < 0 || page > last
    ? html`<span class="quiet">${text}</span>`
    : html`<a href=${link(null, { ...Object.fromEntries(selected), page: page > 0 ? String(page + 1) : null })}>${text}</a>`
  return html`<nav class="pager" aria-label="Pages" key="pager">
    ${to(number - 1, "← Previous")}<span>Page ${count(number + 1)} of ${count(last + 1)}</span>${to(number + 1, "Next →")}
  </nav>`
}
