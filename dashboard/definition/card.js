// What is planned for an experiment, and the buttons that change its status.
import { link } from "../data/router.js"
import { mayEdit, namespace } from "../data/state.js"
import { html, name } from "../parts/html.js"
import { printable } from "../parts/text.js"
import { decided } from "./decision.js"
import { change, STEPS } from "./step.js"

/** @import {Experiment, Members} from "../types.js" */

/** The buttons of each status. @type {Record<string, (keyof typeof STEPS)[]>} */
const BUTTONS = {
  draft: ["start", "archive"],
  running: ["traffic", "weights", "pause", "stop"],
  paused: ["resume", "stop"],
  completed: ["archive"],
  archived: ["restore"]
}

/** The status of a defined experiment. @param {Experiment} experiment */
export function statusTag({ definition }) {
  const { status } = /** @type {Members} */ (definition ?? {})
  return status && html`<span class="status ${status}">${status}</span> `
}

/** @param {Experiment} experiment */
export function card(experiment) {
  const definition = /** @type {Members | undefined} */ (experiment.definition)
  const to = (/** @type {import("../data/router.js").View} */ view) => link(experiment.experiment, { namespace: namespace() }, view)
  if (!definition) {
    return mayEdit() && html`<p class="notice" key="undefined">This experiment has no definition: the analysis guesses its plan.
      <a class="button" id="define" href=${to("edit")}>Define it</a></p>`
  }
  const { undeclared } = experiment
  const { status, description, hypothesis, owner, layer, traffic, version, winner, decision, schedule } = definition
  const facts = [`${traffic}% of visitors`, layer && `layer ${printable(layer)}`, owner && `owner ${printable(owner)}`, `version ${version}`].filter(Boolean)
  return html`<section class="card definition" id="definition" key="definition" aria-label="Definition">
    <p>${statusTag(experiment)}${facts.join(" · ")}</p>
    ${description && html`<p>${printable(description)}</p>`}
    ${hypothesis && html`<p class="quiet">${printable(hypothesis)}</p>`}
    ${winner && html`<p>The winner is ${name(winner)}. ${printable(decision?.analysis?.verdict?.sentence ?? decision?.summary?.sentence ?? "")}</p>`}
    ${decided(decision)}
    ${schedule && html`<ul class="schedule">${steps(schedule).map((sentence) => html`<li>${sentence}</li>`)}</ul>`}
    ${undeclared && html`<p class="quiet" id="undeclared">Counted but not declared, and part of no verdict: ${
      [["variant", undeclared.variants], ["goal", undeclared.goals]].flatMap(([noun, list]) => /** @type {string[]} */ (list).map((one) => `${noun} ${printable(one)}`)).join(", ")}.</p>`}
    <div class="buttons">
      ${mayEdit() && BUTTONS[status]?.map((step) => html`<button type="button" key=${step} id="step-${step}" class=${STEPS[step].tone}
        onClick=${() => change(experiment.experiment, definition, step)}>${STEPS[step].label}…</button>`)}
      ${mayEdit() && html`<a class="button" id="edit" href=${to("edit")}>Edit</a>`}
      <a class="button" id="explain-unit" href=${to("explain")}>Explain a unit</a>
      <a class="button" id="history" href=${to("history")}>History</a>
    </div>
  </section>`
}

/** @param {Members} schedule */
function steps({ start, start_done_at, ramp = [], stop, stop_done_at }) {
  const sentence = (/** @type {string} */ what, /** @type {string} */ at, /** @type {string | null} */ done) =>
    `${what} on ${new Date(at).toLocaleString()}${done ? " (done)" : ""}`
  return [
    start && sentence("Starts", start, start_done_at),
    ...ramp.map((/** @type {Members} */ one) => sentence(`Traffic becomes ${one.traffic}%`, one.at, one.done_at)),
    stop && sentence("Pauses", stop, stop_done_at)
  ].filter(Boolean)
}
