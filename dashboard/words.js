// The statistical words, explained where they stand: a button opens what the word means.
import { h } from "./dom.js"

/** @type {Record<string, string>} */
const MEANINGS = {
  participants: "How many different visitors saw a variant. Each counts once, however often they come back.",
  reached: "How many different visitors reached the goal, of those who took part.",
  rate: "Reached divided by took part: the share of visitors who reached the goal. For a goal that one visitor can reach many times, how often a visitor reached it on average.",
  interval: "Where the true value probably lies, given what was counted so far. At a level of 95%, intervals made this way miss the truth at most 5 times in 100. Narrow means that we know it well.",
  lift: "By how much the variant's rate differs from the control's, relative to the control's. From 10% to 12% is a lift of +20%.",
  control: "What every other variant is held against: mostly how things were before.",
  chance: "The probability that the variant's true rate is higher than the control's, if nothing was known before. It is about the numbers so far and does not forgive peeking: act on the verdict.",
  chance_best: "The probability that no other variant has a higher true rate.",
  loss: "What you give up on average if you choose the variant and it is the worse one after all.",
  p_value: "How often a difference at least as large would show if there were none. Small means hard to explain by chance.",
  adjusted: "The p-value, made larger because several comparisons were made: with many tries one looks good by luck.",
  always_valid: "True however often you look and whenever you stop. A plain interval is true for one look, at a size fixed in advance.",
  method: "Always valid: look whenever you like. Fixed: one look, at a size that was fixed before the start; narrower intervals, but wrong if you peek.",
  level: "How sure intervals and tests have to be. 95% means to be wrong at most 5 times in 100.",
  minimum_lift: "The smallest lift that would be worth having. Below it, two variants count as equal.",
  sample_ratio: "Visitors should fall on the variants in equal shares. If they do not, something loses or doubles visitors, and no number below can be trusted.",
  counter: "A Redis counts by HyperLogLog, which is off by about 0.81%. The intervals here are as much wider as it takes. The embedded store counts exactly.",
  power: "The probability that a test of this size finds the smallest lift worth having, if it is there.",
  decides: "The goal that the experiment was made for. Its verdict is the experiment's.",
  matrix: "The variant of the row against the variant of the column.",
  part_day: "Today is not over: its bar will still grow."
}

/**
 * A word with its meaning behind it.
 * @param {keyof typeof MEANINGS} meaning
 * @param {string} word
 */
export const term = (meaning, word) =>
  h("button", { type: "button", class: "term", popovertarget: `word-${meaning}` }, word)

/** What the words open; drawn once. */
export const glossary = () =>
  Object.entries(MEANINGS).map(([meaning, text]) =>
    h("div", { id: `word-${meaning}`, popover: "auto", class: "meaning", role: "note" }, h("p", {}, text)))

/** Puts an opened meaning under its word. @param {Event} event */
export function place(event) {
  const button = event.target instanceof Element ? event.target.closest("[popovertarget]") : null
  const meaning = document.getElementById(button?.getAttribute("popovertarget") ?? "")
  if (!button || !meaning) return
  const word = button.getBoundingClientRect()
  const width = Math.min(352, innerWidth - 24)
  meaning.style.width = `${width}px`
  meaning.style.left = `${Math.max(12, Math.min(word.left, innerWidth - width - 12))}px`
  const below = innerHeight - word.bottom > 180
  meaning.style.top = below ? `${word.bottom + 6}px` : "auto"
  meaning.style.bottom = below ? "auto" : `${innerHeight - word.top + 6}px`
}
