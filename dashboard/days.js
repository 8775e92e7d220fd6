// Counts per day as bars. Days without a count are marked, and today is marked as incomplete.
import { h, name, printable, s } from "./dom.js"
import { count } from "./figures.js"
import { copies, figure, table } from "./table.js"
import { term } from "./words.js"

/** @import {Experiment, Timeline} from "./types.js" */

/** Most days in the chart and the table. */
const MOST = 120
const DAY = 86_400_000

/**
 * @typedef {object} Series
 * @property {string} goal
 * @property {{label: string, counts: (number | null)[]}[]} variants null on a day without a count
 */

/** @param {Experiment} experiment */
export function days(experiment) {
  const { timeline } = experiment
  if (!timeline || timeline.days.length === 0) {
    return h("section", { class: "card", "data-key": "days" },
      h("h2", {}, "Day by day"),
      h("p", { class: "quiet" }, "This server stores totals only, so counts per day are not available."))
  }
  const today = new Date().toISOString().slice(0, 10)
  const calendar = between(timeline.days[0] ?? today, timeline.days.at(-1) ?? today).slice(-MOST)
  const series = bySeries(timeline, calendar)
  return h("section", { class: "card", "data-key": "days" },
    h("h2", {}, "Day by day"),
    series.map((one) => chart(one, calendar, today)),
    h("details", { "data-key": "table" }, h("summary", {}, "Days as a table"), series.flatMap((one) => asTable(one, calendar, today))))
}

/** All days of a range, also those without a count. @param {string} first @param {string} last */
function between(first, last) {
  const found = []
  for (let time = Date.parse(first); time <= Date.parse(last); time += DAY) {
    found.push(new Date(time).toISOString().slice(0, 10))
  }
  return found
}

/** @param {Timeline} timeline @param {string[]} calendar @returns {Series[]} */
function bySeries({ days: known, counters }, calendar) {
  const goals = [...new Set(["participate", ...counters.map(({ goal }) => goal)])]
  return goals.map((goal) => ({
    goal,
    variants: counters.filter((one) => one.goal === goal).map((one) => {
      const byDay = new Map(known.map((day, index) => [day, one.new[index] ?? 0]))
      return { label: one.label, counts: calendar.map((day) => byDay.get(day) ?? null) }
    })
  })).filter(({ variants }) => variants.length > 0)
}

/** @param {string} goal */
const title = (goal) => (goal === "participate" ? "Participants" : name(goal))

/** @param {Series} series @param {string[]} calendar @param {string} today */
function chart({ goal, variants }, calendar, today) {
  const totals = calendar.map((_, day) => sum(variants.map(({ counts }) => counts[day])))
  const most = Math.max(1, ...totals.map((total) => total ?? 0))
  const width = Math.min(6, 100 / calendar.length)
  const bars = totals.map((total, day) => total === null
    ? s("circle", { class: "gap", cx: `${(day + 0.5) * width}%`, cy: "97%", r: 1.5 })
    : s("rect", {
      class: calendar[day] === today ? "today" : "day", rx: 2,
      x: `${(day + 0.12) * width}%`, width: `${0.76 * width}%`, y: `${100 - 96 * total / most}%`, height: `${96 * total / most}%`
    }, s("title", {}, `${calendar[day]}: ${count(total)}`)))
  return h("figure", { class: "chart", "data-key": goal },
    h("figcaption", {}, h("strong", {}, title(goal)), h("span", { class: "quiet" }, ` up to ${count(most)} per day`)),
    s("svg", { "aria-hidden": "true" }, bars),
    h("p", { class: "quiet" }, `${calendar[0]} to `, calendar.at(-1) === today ? term("part_day", "today so far") : calendar.at(-1)))
}

/** @param {(number | null | undefined)[]} counts */
const sum = (counts) => counts.every((one) => one == null) ? null : counts.reduce((/** @type {number} */ total, one) => total + (one ?? 0), 0)

/** @param {Series} series @param {string[]} calendar @param {string} today */
function asTable({ goal, variants }, calendar, today) {
  const sheet = {
    title: `${goal === "participate" ? "Participants" : printable(goal)} by day`,
    heads: [{ title: "Day (UTC)", number: false }, ...variants.map(({ label }) => ({ title: printable(label), number: true }))],
    rows: calendar.map((day, index) => [
      { text: day === today ? `${day} (so far)` : day },
      ...variants.map(({ counts }) => {
        const value = counts[index]
        return figure(value, value == null ? "no count" : count(value))
      })
    ])
  }
  return [h("h3", {}, title(goal)), table(sheet), copies(sheet)]
}
