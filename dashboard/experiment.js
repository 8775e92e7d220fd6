// The view of one experiment: verdict, health, goals, days and actions.
import { h, name, printable } from "./dom.js"
import { days } from "./days.js"
import { count, percent } from "./figures.js"
import { goalSection } from "./goal.js"
import { health } from "./health.js"
import { aboutLooks, looks } from "./looks.js"
import { participants, since } from "./order.js"
import { link } from "./router.js"
import { copies, figure, named, table } from "./table.js"
import { settling } from "./settling.js"
import { badge, sentence } from "./verdict.js"
import { term } from "./words.js"

/** @import {Analysis, Experiment} from "./types.js" */

/** @param {Experiment} experiment @param {string} namespace @param {URLSearchParams} selected @param {boolean} isHidden */
export function one(experiment, namespace, selected, isHidden) {
  const { analysis } = experiment
  const first = since(experiment)
  return [
    h("nav", { class: "back", "data-key": "back" }, h("a", { href: link(null, { namespace }) }, "← All experiments")),
    h("div", { class: "title", "data-key": "title" },
      h("h1", {}, name(experiment.experiment)),
      h("p", { class: "quiet" },
        `${count(participants(experiment))} participants`, first && ` since ${first}`,
        experiment.counting === "exact" ? ", counted exactly" : ", counted by HyperLogLog")),
    analysis
      ? [
        h("div", { class: "card answer", "data-key": "answer" }, badge(analysis.verdict, analysis.control), h("p", {}, sentence(analysis.verdict))),
        health(experiment, analysis),
        choices(experiment, analysis, selected),
        looks(analysis),
        analysis.goals.length === 0 && noGoal(experiment),
        analysis.goals.map((goal) => goalSection(goal, analysis, selected))
      ]
      : countsAlone(experiment),
    days(experiment),
    settling(experiment),
    analysis && notes(analysis),
    actions(isHidden)
  ].flat()
}

/** @param {Experiment} experiment @param {Analysis} analysis @param {URLSearchParams} selected */
function choices({ variants, goals }, analysis, selected) {
  const select = (/** @type {string} */ what, /** @type {Node} */ label, /** @type {[string, string][]} */ options, /** @type {string} */ chosen) =>
    h("div", { class: "field" }, label, h("select", { "data-select": what, "aria-label": label.textContent },
      options.map(([value, text]) => h("option", { value, selected: value === chosen }, text))))
  const names = (/** @type {string[]} */ list) => list.map((text) => /** @type {[string, string]} */ ([text, printable(text)]))
  const primary = analysis.goals.find((goal) => goal.primary)?.goal ?? ""
  return h("div", { class: "tools", "data-key": "choices", role: "group", "aria-label": "Settings of the analysis" },
    variants.length > 1 && select("control", term("control", "Control"), names(variants.map(({ label }) => label)), analysis.control ?? ""),
    goals.length > 1 && select("goal", term("decides", "Deciding goal"), [["", `first: ${printable(goals[0]?.goal ?? "")}`], ...names(goals.map(({ goal }) => goal))], primary),
    select("level", term("level", "Level"), [["0.9", "90%"], ["", "95%"], ["0.99", "99%"]], selected.get("level") ?? ""),
    select("method", term("method", "Analysis"), [["", "look at any time"], ["sequential", "planned looks"], ["fixed", "one look at the end"]], selected.get("method") ?? ""),
    select("minimum_lift", term("minimum_lift", "Minimum lift"), ["0.01", "0.02", "", "0.1", "0.2"].map((value) => [value, percent(Number(value || 0.05))]), selected.get("minimum_lift") ?? ""))
}

/** @param {Experiment} experiment */
function noGoal(experiment) {
  return h("section", { class: "card", "data-key": "no goal" },
    h("h2", {}, "No goal reached yet"),
    h("p", {}, "Visitors take part, but no goal was reached. Check that the page calls ", h("code", {}, "goal.complete()"), "."),
    counts(experiment))
}

/** @param {Experiment} experiment */
const countsAlone = (experiment) => [
  h("p", { class: "notice", "data-key": "old" }, "This server sends no analysis. Update abtest on the server to see one."),
  h("section", { class: "card", "data-key": "counts" }, h("h2", {}, "Counts"), counts(experiment))
]

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
const notes = (analysis) => h("section", { class: "card", "data-key": "notes" },
  h("details", {},
    h("summary", {}, "How these numbers were computed"),
    h("ul", {}, analysis.notes.filter(({ code }) => !aboutLooks(code)).map(({ message }) => h("li", {}, printable(message))), h("li", {}, analysis.method_explanation))))

/** @param {boolean} isHidden */
const actions = (isHidden) => h("section", { class: "card actions", "data-key": "actions" },
  h("h2", {}, "Actions"),
  h("div", {},
    h("button", { type: "button", "data-copy": location.href }, "Copy link to this view"),
    h("button", { type: "button", "data-do": "hide" }, isHidden ? "Show in the list" : "Hide from the list"),
    h("button", { type: "button", "data-do": "delete", class: "danger" }, "Delete…")))
