// All experiments: a row each, in an order that stays while the reader reads.
import { h, name, printable } from "./dom.js"
import { count } from "./figures.js"
import { aroundRates, bar } from "./interval.js"
import { link } from "./router.js"
import { badge, sentence, urgency } from "./verdict.js"

/** @import {Analysis, Experiment, GoalAnalysis} from "./types.js" */

/** How many rows a page has. */
export const PAGE = 50

/** How many variants the small drawing has. */
const DRAWN = 5

/**
 * @typedef {object} Listing
 * @property {string} namespace
 * @property {Experiment[]} experiments
 * @property {Map<string, Experiment>} analysed
 * @property {string[]} order names, as they are shown
 * @property {number} fresh how many came since the order was made
 * @property {Set<string>} hidden
 * @property {URLSearchParams} selected
 */

/** @param {Experiment} experiment */
export const participants = ({ variants }) => variants.reduce((sum, { trials }) => sum + trials, 0)

/**
 * The names that are shown, in the order that was asked for.
 * @param {Experiment[]} experiments
 * @param {Map<string, Experiment>} analysed
 * @param {Set<string>} hidden
 * @param {URLSearchParams} selected
 */
export function order(experiments, analysed, hidden, selected) {
  const wanted = (selected.get("search") ?? "").trim().toLowerCase()
  const shown = experiments.filter(({ experiment }) =>
    hidden.has(experiment) === selected.has("hidden") && experiment.toLowerCase().includes(wanted))
  const total = new Map(shown.map((one) => [one, participants(one)]))
  const most = (/** @type {Experiment} */ a, /** @type {Experiment} */ b) =>
    (total.get(b) ?? 0) - (total.get(a) ?? 0) || compare(a.experiment, b.experiment)
  const urgent = (/** @type {Experiment} */ one) => urgency(analysed.get(one.experiment)?.analysis)
  const sort = selected.get("sort")
  if (sort === "name") shown.sort((a, b) => compare(a.experiment, b.experiment))
  else if (sort === "verdict") shown.sort((a, b) => urgent(a) - urgent(b) || most(a, b))
  else if (sort === "since") shown.sort((a, b) => compare(since(b) ?? "", since(a) ?? "") || most(a, b))
  else shown.sort(most)
  return shown.map(({ experiment }) => experiment)
}

const { compare } = new Intl.Collator("en", { numeric: true })

/** The first day, where days are kept. @param {Experiment} experiment */
export const since = ({ timeline }) => timeline?.days[0] ?? null

/** The page of names that is shown. @param {string[]} names @param {URLSearchParams} selected */
export function page(names, selected) {
  const last = Math.max(0, Math.ceil(names.length / PAGE) - 1)
  const number = Math.min(last, Math.max(0, Number(selected.get("page") ?? 1) - 1 || 0))
  return { number, last, names: names.slice(number * PAGE, (number + 1) * PAGE) }
}

/** @param {Listing} listing */
export function list(listing) {
  const { experiments, order: names, selected } = listing
  const { number, last, names: shown } = page(names, selected)
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
      : h("ol", { class: "rows", "data-key": "rows", start: number * PAGE + 1 },
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
      h("input", { type: "checkbox", "data-select": "hidden", checked: selected.has("hidden") }), h("span", {}, "Hidden ones")))
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
          : "deleted meanwhile")),
    h("p", { class: "many" }, h("strong", {}, count(participants(experiment))), h("span", { class: "quiet" }, " participants")),
    h("div", { class: "drawn" }, goal && drawing(goal, analysis.control)),
    h("div", { class: "verdict" },
      analysis && [badge(analysis.verdict, analysis.control), h("p", {}, sentence(analysis.verdict))]))
}

/** The goal that the verdict is about. @param {Analysis} analysis */
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
