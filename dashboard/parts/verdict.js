// A verdict in two or three words, with a colour. The full sentence comes from the API.
import { html, name } from "./html.js"
import { printable } from "./text.js"

/** @import {Summary, Verdict} from "../types.js" */

/** @type {Record<string, {tone: string, mark: string}>} */
const APPEARANCES = {
  better: { tone: "good", mark: "▲" },
  worse: { tone: "bad", mark: "▼" },
  unsound: { tone: "bad", mark: "!" },
  no_difference: { tone: "calm", mark: "=" },
  keep_running: { tone: "calm", mark: "…" },
  too_early: { tone: "quiet", mark: "…" },
  no_verdict: { tone: "quiet", mark: "–" },
  nothing_to_compare: { tone: "quiet", mark: "–" }
}

/** @param {Verdict | Summary} verdict @param {string | null} control */
function words({ outcome, variant }, control) {
  switch (outcome) {
    case "better": return [named(variant), " is better"]
    case "worse": return [named(variant), variant !== null && variant === control ? " is best" : " is worse"]
    case "unsound": return ["Sample ratio mismatch"]
    case "no_difference": return ["No relevant difference"]
    case "keep_running": return ["Keep running"]
    case "too_early": return ["Not enough data yet"]
    case "no_verdict": return ["No verdict"]
    default: return ["Nothing to compare yet"]
  }
}

/** A summary leaves out a very long name. @param {string | null} variant */
const named = (variant) => (variant === null ? "A variant" : name(variant))

/** @param {Verdict | Summary} verdict @param {string | null} control */
export function badge(verdict, control) {
  const best = verdict.outcome === "worse" && verdict.variant !== null && verdict.variant === control
  const { tone, mark } = best ? { tone: "good", mark: "●" } : APPEARANCES[verdict.outcome] ?? { tone: "quiet", mark: "–" }
  return html`<span class="badge ${tone}"><span class="mark" aria-hidden="true">${mark}</span><span>${words(verdict, control)}</span></span>`
}

/** @param {Verdict | Summary} verdict */
export const sentence = (verdict) => printable(verdict.sentence)

/** The rank when sorted by verdict: problems first, then decided experiments. @param {Summary | undefined} summary */
export function urgency(summary) {
  const order = ["unsound", "better", "worse", "no_difference", "keep_running", "no_verdict", "too_early"]
  const found = order.indexOf(summary?.outcome ?? "")
  return found < 0 ? order.length : found
}
