// What lies over the page: the question before a deletion, and the snippet.
import { draw, h, name, printable } from "./dom.js"
import { glossary } from "./words.js"

/** Draws what every view may open. */
export const prepare = () => draw("layer", glossary())

/**
 * Asks for the name before an experiment is deleted.
 * @param {string} experiment
 * @param {() => Promise<void>} remove
 */
export function askDeletion(experiment, remove) {
  const shown = printable(experiment)
  const confirm = h("button", { type: "submit", class: "danger", disabled: true }, "Delete for ever")
  const trouble = h("p", { class: "wrong", role: "alert" })
  const input = /** @type {HTMLInputElement} */ (h("input", { id: "deletion-name", autocomplete: "off", spellcheck: "false" }))
  const form = h("form", {},
    h("h2", { id: "deletion-title" }, "Delete ", name(experiment), "?"),
    h("p", {}, "All its counts go, and there is no way back. If pages still track it, it will start again from nothing."),
    h("label", { for: "deletion-name" }, "Type its name to go on:"),
    h("p", {}, h("code", {}, name(experiment))),
    input, trouble,
    h("div", { class: "ends" }, h("button", { type: "button", "data-do": "close" }, "Keep it"), confirm))
  input.addEventListener("input", () => confirm.toggleAttribute("disabled", input.value !== shown && input.value !== experiment))
  form.addEventListener("submit", async (event) => {
    event.preventDefault()
    if (confirm.hasAttribute("disabled")) return
    confirm.setAttribute("disabled", "")
    try {
      await remove()
      form.closest("dialog")?.close()
    } catch (error) {
      trouble.textContent = `It is not deleted: ${error instanceof Error ? error.message : error}`
      confirm.removeAttribute("disabled")
    }
  })
  open("deletion-title", form)
}

/**
 * Shows what a page needs to track.
 * @param {string} snippet
 */
export function showSnippet(snippet) {
  open("snippet-title", h("div", {},
    h("h2", { id: "snippet-title" }, "Track from your page"),
    h("p", {}, "With AlephBet from npm; any page that runs this takes part."),
    h("pre", { tabindex: 0 }, snippet),
    h("div", { class: "ends" },
      h("button", { type: "button", "data-do": "close" }, "Close"),
      h("button", { type: "button", class: "main", "data-copy": snippet }, "Copy"))))
}

/** @param {string} title @param {Element} content */
function open(title, content) {
  const dialog = /** @type {HTMLDialogElement} */ (h("dialog", { "aria-labelledby": title }, content))
  dialog.addEventListener("close", () => dialog.remove())
  document.body.append(dialog)
  dialog.showModal()
}
