// Dialogs: the question before a deletion, and the snippet.
import { draw, h, name, printable } from "./dom.js"
import { glossary } from "./words.js"

/** Draws the explanations that every view can open. */
export const prepare = () => draw("layer", glossary())

/**
 * Asks for the name of an experiment, and then deletes it.
 * @param {string} experiment
 * @param {() => Promise<void>} remove
 */
export function askDeletion(experiment, remove) {
  const shown = printable(experiment)
  const confirm = h("button", { type: "submit", class: "danger", disabled: true }, "Delete")
  const trouble = h("p", { class: "wrong", role: "alert" })
  const input = /** @type {HTMLInputElement} */ (h("input", { id: "deletion-name", autocomplete: "off", spellcheck: "false" }))
  const form = h("form", {},
    h("h2", { id: "deletion-title" }, "Delete ", name(experiment), "?"),
    h("p", {}, "This deletes all its counts and cannot be undone. If pages still send events for it, it starts again from zero."),
    h("label", { for: "deletion-name" }, "Type its name to confirm:"),
    h("p", {}, h("code", {}, name(experiment))),
    input, trouble,
    h("div", { class: "ends" }, h("button", { type: "button", "data-do": "close" }, "Cancel"), confirm))
  input.addEventListener("input", () => confirm.toggleAttribute("disabled", input.value !== shown && input.value !== experiment))
  form.addEventListener("submit", async (event) => {
    event.preventDefault()
    if (confirm.hasAttribute("disabled")) return
    confirm.setAttribute("disabled", "")
    try {
      await remove()
      form.closest("dialog")?.close()
    } catch (error) {
      trouble.textContent = `Not deleted: ${error instanceof Error ? error.message : error}`
      confirm.removeAttribute("disabled")
    }
  })
  open("deletion-title", form)
}

/**
 * Shows the code that a page needs to send events.
 * @param {string} snippet
 */
export function showSnippet(snippet) {
  open("snippet-title", h("div", {},
    h("h2", { id: "snippet-title" }, "Track from your page"),
    h("p", {}, "Add this to a page. It needs AlephBet from npm."),
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
