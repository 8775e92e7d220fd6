// The list of experiments, one row per experiment.
import { h, name, printable } from "./dom.js"
import { count } from "./figures.js"
import { aroundRates, bar } from "./interval.js"
import { link } from "./router.js"
import { page, participants, since } from "./order.js"
import { badge, sentence } from "./verdict.js"

/** @import {Analysis, Experiment, GoalAnalysis} from "./types.js" */

/** Most variants in a row's drawing. */
const DRAWN = 5

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
  const { experiments, order: names, selected } = listing
  const { number, last, first, names: shown } = page(names, selected)
  const known = new Map(experiments.map((one) => [one.experiment, one]))
  return [
    h("div", { class: "title", "data-key": "title" },
      h("h1", {}, "Experiments"),
      h("p", { class: "quiet" }, summary(listing))),
    tools(listing),
    listing.fresh > 0 && h("button", { type: "button", class: "fresh", "data-key": "fresh", "data-do": "reorder" },
      `${count(listing.fresh)} new ${listing.fresh === 1 ? "experiment" : "experiments"} – show`),
    names.length === 0
      ? nothing(selected)
      : h("ol", { class: "rows", "data-key": "rows", start: first },
        shown.map((one) => row(listing, known.get(one), one))),
    last > 0 && pager(number, last, selected)
  ]
}

/** @param {Listing} listing */
function summary({ experiments, hidden, selected, order: names }) {
  const there = experiments.filter(({ experiment }) => hidden.has(experiment)).length
  const all = experiments.length - there
  const words = `${count(all)} ${all === 1 ? "experiment" : "experiments"}`
  return selected.get("search") ? `${count(names.length)} found of ${words}` : words + (there > 0 ? `, ${count(there)} hidden` : "")
}

/** @param {Listing} listing */
function tools({ selected, hidden }) {
  const sort = selected.get("sort") ?? "participants"
  const option = (/** @type {string} */ value, /** @type {string} */ text) =>
    h("option", { value, selected: value === sort }, text)
  return h("div", { class: "tools", "data-key": "tools", role: "search" },
    h("label", {}, h("span", {}, "Search"),
      h("input", { type: "search", "data-select": "search", value: selected.get("search") ?? "", placeholder: "part of a name", autocomplete: "off", spellcheck: "false" })),
    h("label", {}, h("span", {}, "Sort by"),
      h("select", { "data-select": "sort" },
        option("participants", "participants"), option("name", "name"), option("verdict", "verdict"), option("since", "newest"))),
    (hidden.size > 0 || selected.has("hidden")) && h("label", { class: "check", "data-key": "hidden" },
      h("input", { type: "checkbox", "data-select": "hidden", checked: selected.has("hidden") }), h("span", {}, "Hidden only")))
}

/** @param {URLSearchParams} selected */
function nothing(selected) {
  const search = selected.get("search")
  return h("div", { class: "notice", "data-key": "nothing" },
    h("h2", {}, search ? "Nothing found" : "Nothing here"),
    h("p", {}, search
      ? ["No experiment has ", name(search), " in its name."]
      : selected.has("hidden") ? "No experiment is hidden." : "Every experiment is hidden."),
    h("button", { type: "button", "data-do": "show-all" }, "Show all experiments"))
}

/**
 * @param {Listing} listing
 * @param {Experiment | undefined} counted
 * @param {string} one
 */
function row({ namespace, analysed, selected }, counted, one) {
  const experiment = counted ?? { experiment: one, variants: [], goals: [], counting: "exact" }
  const analysis = analysed.get(one)?.analysis
  const goal = analysis && leading(analysis)
  const goals = experiment.goals.length
  const variants = experiment.variants.length
  const first = since(analysed.get(one) ?? experiment)
  return h("li", { "data-key": one },
    h("div", { class: "what" },
      h("h2", {}, h("a", { href: link(one, { namespace: selected.get("namespace") ?? namespace }) }, name(one))),
      h("p", { class: "quiet" },
        counted
          ? [first && `since ${first} · `, `${count(variants)} ${variants === 1 ? "variant" : "variants"} · ${count(goals)} ${goals === 1 ? "goal" : "goals"}`]
          : "deleted")),
    h("p", { class: "many" }, h("strong", {}, count(participants(experiment))), h("span", { class: "quiet" }, " participants")),
    h("div", { class: "drawn" }, goal && drawing(goal, analysis.control)),
    h("div", { class: "verdict" },
      experiment.summary && [badge(experiment.summary, experiment.summary.control), h("p", {}, sentence(experiment.summary))]))
}

/** The goal of the verdict. @param {Analysis} analysis */
export const leading = ({ verdict, goals }) => goals.find(({ goal }) => goal === verdict.goal) ?? goals[0]

/** @param {GoalAnalysis} goal @param {string | null} control */
function drawing(goal, control) {
  const intervals = goal.variants.map((one) => ({ one, low: one.low, at: one.rate, high: one.high }))
  const most = intervals.toSorted((a, b) => b.one.trials - a.one.trials).slice(0, DRAWN)
  const drawn = intervals.filter((interval) => most.includes(interval))
  const scale = aroundRates(drawn)
  if (scale === null) return null
  const more = intervals.length - drawn.length
  return [
    h("p", { class: "quiet" }, name(goal.goal), more > 0 && ` · ${DRAWN} of ${intervals.length} variants`),
    ...drawn.map((interval) => h("div", { class: "small" },
      h("span", { class: "quiet", title: printable(interval.one.variant) }, name(interval.one.variant)),
      bar(scale, interval, { tone: interval.one.variant === control ? "plain" : "coloured" })))
  ]
}

/** @param {number} number @param {number} last @param {URLSearchParams} selected */
function pager(number, last, selected) {
  const to = (/** @type {number} */ page, /** @type {string} */ text) => page < 0 || page > last
    ? h("span", { class: "quiet" }, text)
    : h("a", { href: link(null, { ...Object.fromEntries(selected), page: page > 0 ? String(page + 1) : null }) }, text)
  return h("nav", { class: "pager", "aria-label": "Pages", "data-key": "pager" },
    to(number - 1, "← Previous"), h("span", {}, `Page ${count(number + 1)} of ${count(last + 1)}`), to(number + 1, "Next →"))
}
