// Counts per day as bars. Days without a count are marked, and today is marked as incomplete.
import { count } from "../parts/figures.js"
import { html, name } from "../parts/html.js"
import { copies, figure, table } from "../parts/table.js"
import { printable } from "../parts/text.js"
import { term } from "../parts/words.js"

/** @import {Experiment, Timeline} from "../types.js" */

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
    return html`<section class="card" id="days" key="days">
      <h2>Day by day</h2>
      <p class="quiet">This server stores totals only, so counts per day are not available.</p>
    </section>`
  }
  const today = new Date().toISOString().slice(0, 10)
  const calendar = between(timeline.days[0] ?? today, timeline.days.at(-1) ?? today).slice(-MOST)
  const series = bySeries(timeline, calendar)
  return html`<section class="card" id="days" key="days">
    <h2>Day by day</h2>
    ${series.map((one) => chart(one, calendar, today))}
    <details><summary>Days as a table</summary>${series.map((one) => asTable(one, calendar, today))}</details>
  </section>`
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
    ? html`<circle class="gap" cx="${(day + 0.5) * width}%" cy="97%" r="1.5" />`
    : html`<rect class=${calendar[day] === today ? "today" : "day"} rx="2" x="${(day + 0.12) * width}%" width="${0.76 * width}%"
        y="${100 - 96 * total / most}%" height="${96 * total / most}%"><title>${calendar[day]}: ${count(total)}</title></rect>`)
  const last = calendar.at(-1)
  return html`<figure class="chart" key=${goal} data-goal=${goal}>
    <figcaption><strong>${title(goal)}</strong><span class="quiet"> up to ${count(most)} per day</span></figcaption>
    <svg aria-hidden="true">${bars}</svg>
    <p class="quiet">${calendar[0]} to ${last === today ? term("part_day", "today so far") : last}</p>
  </figure>`
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
  return [html`<h3>${title(goal)}</h3>`, table(sheet), copies(sheet)]
}
