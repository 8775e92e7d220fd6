// Asks the server what a change would do, while it is typed.
import { Refused } from "../data/definitions.js"
import { html } from "../parts/html.js"
import { counted } from "../parts/text.js"
import { useEffect, useState } from "../vendor/hooks.mjs"
import { announcement } from "./sentences.js"

/** @import {Edited, Violation} from "../types.js" */
/** @typedef {{edited: Edited | null, problem: Error | null}} Preview */

/** The pause between the last key and the request, in milliseconds. */
const PAUSE = 250

/**
 * What a change would do. While a newer answer is awaited, the last one stays.
 * @param {(signal: AbortSignal) => Promise<Edited>} ask
 * @param {string} change asks again when it differs
 * @returns {Preview}
 */
export function usePreview(ask, change) {
  const [preview, setPreview] = useState(/** @type {Preview} */ ({ edited: null, problem: null }))
  useEffect(() => {
    const controller = new AbortController()
    const answer = (/** @type {Preview} */ one) => { if (!controller.signal.aborted) setPreview(one) }
    const timer = setTimeout(() => ask(controller.signal).then(
      (edited) => answer({ edited, problem: null }), (problem) => answer({ edited: null, problem })), PAUSE)
    return () => {
      clearTimeout(timer)
      controller.abort()
    }
  }, [change])
  return preview
}

/** What is wrong, by member. @param {Preview} preview @returns {Violation[]} */
export const violations = ({ problem }) => (problem instanceof Refused ? problem.violations : [])

/** Whether another person made a newer version. @param {Error | null} problem */
export const isStale = (problem) => problem instanceof Refused && problem.status === 412

/** What visitors will see, or what is wrong. @param {Preview} preview */
export function effects(preview) {
  const { edited, problem } = preview
  const wrong = violations(preview)
  const seen = edited ? announcement(edited) : []
  return html`<div class="effects" aria-live="polite">
    ${seen.length > 0 && html`<p><strong>What visitors will see</strong></p><ul>${seen.map((sentence) => html`<li>${sentence}</li>`)}</ul>`}
    ${problem && !isStale(problem) && (wrong.length > 0
      ? html`<p class="wrong"><strong>${counted(wrong.length, "mistake")}</strong></p><ul>${wrong.map(({ member, rule }) => html`<li class="wrong">${member || "The document"} ${rule}</li>`)}</ul>`
      : html`<p class="wrong">${problem.message}</p>`)}
  </div>`
}

/** What another person changed meanwhile. @param {string[]} sentences @param {string[]} [both] members that both changed */
export const meanwhile = (sentences, both = []) => sentences.length > 0 && html`<div class="banner" id="meanwhile" role="alert">
  <div><p><strong>Another person changed this experiment meanwhile:</strong></p>
    <ul>${sentences.map((sentence) => html`<li>${sentence}</li>`)}</ul>
    <p>${both.length > 0 ? `You changed ${both.join(", ")} too. Your text stays. ` : "Your text stays. "}Check it, and save again.</p></div>
</div>`
