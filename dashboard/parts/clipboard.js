// Copies texts to the clipboard.
import { say } from "../data/state.js"
import { html } from "./html.js"

/**
 * A button that copies a text.
 * @param {() => string} text
 * @param {string} label
 * @param {string} kind more classes
 */
export const copyButton = (text, label, kind = "") =>
  html`<button type="button" class="copy ${kind}" onClick=${() => copy(text())}>${label}</button>`

/** @param {string} text */
const copy = (text) => toClipboard(text).then(() => say("Copied."), () => say("The browser does not allow copying."))

/** Works over plain HTTP too, where browsers have no clipboard API. @param {string} text */
async function toClipboard(text) {
  if (navigator.clipboard) return navigator.clipboard.writeText(text)
  const area = document.createElement("textarea")
  area.value = text
  area.className = "unseen"
  document.body.append(area)
  area.select()
  const copied = document.execCommand("copy")
  area.remove()
  if (!copied) throw new Error("the browser does not allow copying")
}
