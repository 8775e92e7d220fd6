// The view of one experiment: verdict, health, goals, days and actions.
import { chooseControl, chooseField, toggleHidden } from "../data/actions.js"
import { participants, since } from "../data/order.js"
import { link } from "../data/router.js"
import { mayEdit } from "../data/state.js"
import { card } from "../definition/card.js"
import { copyButton } from "../parts/clipboard.js"
import { askDeletion } from "../parts/dialogs.js"
import { count, percent } from "../parts/figures.js"
import { html, name } from "../parts/html.js"
import { copies, figure, named, table } from "../parts/table.js"
import { printable } from "../parts/text.js"
import { badge, sentence } from "../parts/verdict.js"
import { term } from "../parts/words.js"
import { days } from "./days.js"
import { goalSection } from "./goal.js"
import { health } from "./health.js"
import { aboutLooks, looks } from "./looks.js"
import { settling } from "./settling.js"

/** @import {Analysis, Experiment, Members} from "../types.js" */

/** @param {Experiment} experiment @param {string} namespace @param {URLSearchParams} selected @param {boolean} isHidden */
export function single(experiment, namespace, selected, isHidden) {
  const { analysis } = experiment
  const first = since(experiment)
  return html`
    <nav class="back" key="back"><a href=${link(null, { namespace })}>← All experiments</a></nav>
    <div class="title" key="title">
      <h1>${name(experiment.experiment)}</h1>
      <p class="quiet">${count(participants(experiment))} participants${first && ` since ${first}`}${
        experiment.counting === "exact" ? ", counted exactly" : ", counted by HyperLogLog"}</p>
    </div>
    ${card(experiment)}
    ${analysis ? results(experiment, analysis, selected) : countsAlone(experiment)}
    ${days(experiment)}
    ${settling(experiment)}
    ${analysis && notes(analysis)}
    ${actions(experiment, isHidden)}`
}

/** @param {Experiment} experiment @param {Analysis} analysis @param {URLSearchParams} selected */
const results = (experiment, analysis, selected) => html`
  <div class="card answer" key="answer">${badge(analysis.verdict, analysis.control)}<p>${sentence(analysis.verdict)}</p></div>
  ${health(experiment, analysis)}
  ${choices(experiment, analysis, selected)}
  ${looks(analysis)}
  ${analysis.goals.length === 0 && noGoal(experiment)}
  ${analysis.goals.map((goal) => goalSection(goal, analysis, selected))}`

/** @param {Experiment} experiment @param {Analysis} analysis @param {URLSearchParams} selected */
function choices({ variants, goals, definition }, analysis, selected) {
  const names = (/** @type {string[]} */ list) => list.map((text) => /** @type {[string, string]} */ ([text, printable(text)]))
  const lifts = ["0.01", "0.02", "", "0.1", "0.2"].map((value) => /** @type {[string, string]} */ ([value, percent(Number(value || 0.05))]))
  const primary = analysis.goals.find((goal) => goal.primary)?.goal ?? ""
  const asked = (/** @type {string} */ what) => selected.get(what) ?? ""
  return html`<div class="tools" key="choices" role="group" aria-label="Settings of the analysis">
    ${variants.length > 1 && field("control", "Control", names(variants.map(({ label }) => label)), analysis.control ?? "",
      definition || !mayEdit() ? chooseField : chooseControl)}
    ${goals.length > 1 && field("goal", "Deciding goal", [["", `first: ${printable(goals[0]?.goal ?? "")}`], ...names(goals.map(({ goal }) => goal))], primary)}
    ${field("level", "Level", [["0.9", "90%"], ["", "95%"], ["0.99", "99%"]], asked("level"))}
    ${field("method", "Analysis", [["", "look at any time"], ["sequential", "planned looks"], ["fixed", "one look at the end"]], asked("method"))}
    ${field("minimum_lift", "Minimum lift", lifts, asked("minimum_lift"))}
  </div>`
}

/**
 * A list to choose from, with a label that explains itself.
 * @param {"control" | "goal" | "level" | "method" | "minimum_lift"} what
 * @param {string} label
 * @param {[string, string][]} options value and text
 * @param {string} chosen
 * @param {(event: Event) => void} change
 */
const field = (what, label, options, chosen, change = chooseField) => html`<div class="field" key=${what}>
  ${term(what === "goal" ? "decides" : what, label)}
  <select name=${what} aria-label=${label} value=${chosen} onChange=${change}>
    ${options.map(([value, text]) => html`<option key=${value} value=${value}>${text}</option>`)}
  </select>
</div>`

/** @param {Experiment} experiment */
const noGoal = (experiment) => html`<section class="card" key="no goal">
  <h2>No goal reached yet</h2>
  <p>Visitors take part, but no goal was reached. Check that the page calls <code>goal.complete()</code>.</p>
  ${counts(experiment)}
</section>`

/** @param {Experiment} experiment */
const countsAlone = (experiment) => html`
  <p class="notice" key="old">This server sends no analysis. Update abtest on the server to see one.</p>
  <section class="card" key="counts"><h2>Counts</h2>${counts(experiment)}</section>`

/** @param {Experiment} experiment */
function counts({ experiment, variants, goals }) {
  const sheet = {
    title: `${printable(experiment)}: counts`,
    heads: ["Variant", "Participants", ...goals.map(({ goal }) => printable(goal))].map((title, index) => ({ title, number: index > 0 })),
    rows: variants.map(({ label, trials }) => [
      named(label), figure(trials, count(trials)),
      ...goals.map(({ results }) => {
        const successes = results.find((result) => result.label === label)?.successes ?? 0
        return figure(successes, count(successes))
      })
    ])
  }
  return [table(sheet), copies(sheet)]
}

/** @param {Analysis} analysis */
const notes = (analysis) => html`<section class="card" key="notes">
  <details>
    <summary>How these numbers were computed</summary>
    <ul>
      ${analysis.notes.filter(({ code }) => !aboutLooks(code)).map(({ message }) => html`<li>${printable(message)}</li>`)}
      <li>${analysis.method_explanation}</li>
    </ul>
  </details>
</section>`

/** Defined experiments must be a draft or archived to be deleted. */
const DELETABLE = new Set([undefined, "draft", "archived"])

/** @param {Experiment} experiment @param {boolean} isHidden */
const actions = ({ experiment, definition }, isHidden) => html`<section class="card actions" key="actions">
  <h2>Actions</h2>
  <div>
    ${copyButton(() => location.href, "Copy link to this view")}
    <button type="button" id="hide" onClick=${() => toggleHidden(experiment)}>${isHidden ? "Show in the list" : "Hide from the list"}</button>
    ${mayEdit() && DELETABLE.has(/** @type {Members} */ (definition ?? {}).status) && html`<button type="button" id="delete" class="danger" onClick=${() => askDeletion(experiment)}>Delete…</button>`}
  </div>
</section>`
