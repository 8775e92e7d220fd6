// Explanations of statistical terms. Each term is a button that opens its explanation.
import { html } from "./html.js"

/** @type {Record<string, string>} */
const MEANINGS = {
  participants: "How many different visitors saw a variant. A visitor who comes back is counted once.",
  reached: "How many different visitors reached the goal.",
  rate: "The share of participants who reached the goal. If a visitor can reach the goal many times, the average number per participant. For values such as revenue, the average total per participant, 0 for participants without a value.",
  interval: "A range for the true value, based on the counts so far and valid for one look. At a level of 95%, such ranges miss the true value in at most 5 of 100 cases. A narrow range means that the value is known well.",
  lift: "How much higher the variant's rate is than the control's, in percent of the control's rate. From 10% to 12% is a lift of +20%.",
  control: "The variant that the others are compared with. Usually the page as it was before.",
  chance: "The probability that the variant's true rate is better than the control's, given only these counts. It is not corrected for looking or for several comparisons, so do not decide by it. Use the verdict.",
  chance_best: "The probability that no other variant has a better true rate. It is not corrected for looking or for several comparisons.",
  loss: "The average loss if you choose this variant and it is in fact worse. It is not corrected for looking or for several comparisons.",
  p_value: "The probability of a difference at least this large if the variants were equal. A small value is hard to explain by chance.",
  adjusted: "The p-value, corrected for the number of comparisons. With many comparisons, one looks good by luck.",
  always_valid: "Valid however often you look and whenever you stop. Other intervals are valid for one look, at a size that was fixed in advance.",
  sequential: "Valid at recorded looks only, however many there are. A look that decided stays decided: later visitors, goals and settings do not change it.",
  fixed: "Valid for one look at a number of participants that was fixed in advance. If you look earlier and stop, results are wrong more often than the level says.",
  family: "The comparisons that share one error rate. The main goal's comparisons are the first family and all other goals are the second.",
  e_value: "The evidence against the planned split. It is valid however often you look. At 1,000 or more, the split is wrong.",
  method: "Look at any time: results are valid whenever you look. Planned looks: results are valid at looks taken with abtest results --look. One look at the end: the intervals are narrower, but wrong if you look earlier.",
  level: "How certain intervals and tests must be. 95% means that at most 5 of 100 are wrong.",
  minimum_lift: "The smallest lift that matters to you. Below it, two variants count as equal.",
  sample_ratio: "Each variant should get its planned share of the visitors. If it does not, visitors are lost or counted twice, and no number below can be trusted.",
  counting: "HyperLogLog in Redis estimates counts within about 0.81%. The intervals are wider to allow for that. Exact counting has no such error.",
  power: "The probability that a test of this size finds the minimum lift, if it exists.",
  decides: "The main goal. Its verdict is the verdict of the experiment.",
  matrix: "The variant in the row compared with the variant in the column. For one look and without corrections.",
  part_day: "Today is not over, so its bar will grow."
}

/**
 * A term that opens its explanation.
 * @param {keyof typeof MEANINGS} meaning
 * @param {string} word
 */
export const term = (meaning, word) =>
  html`<button type="button" class="term" popovertarget="word-${meaning}" onClick=${place}>${word}</button>`

/** All explanations, closed. */
export const glossary = () => Object.entries(MEANINGS).map(([meaning, text]) =>
  html`<div key=${meaning} id="word-${meaning}" popover="auto" class="meaning" role="note"><p>${text}</p></div>`)

/** Puts an explanation below its term. @param {Event} event */
function place({ currentTarget }) {
  const button = /** @type {Element} */ (currentTarget)
  const meaning = document.getElementById(button.getAttribute("popovertarget") ?? "")
  if (!meaning) return
  const word = button.getBoundingClientRect()
  const width = Math.min(352, innerWidth - 24)
  meaning.style.width = `${width}px`
  meaning.style.left = `${Math.max(12, Math.min(word.left, innerWidth - width - 12))}px`
  const below = innerHeight - word.bottom > 180
  meaning.style.top = below ? `${word.bottom + 6}px` : "auto"
  meaning.style.bottom = below ? "auto" : `${innerHeight - word.top + 6}px`
}
