// Dialogs: the question before a deletion, and the snippet.
import { closeDialog, openDialog, remove } from "../data/actions.js"
import { trackUrl } from "../data/api.js"
import { namespace, state } from "../data/state.js"
import { useLayoutEffect, useRef, useState } from "../vendor/hooks.mjs"
import { copyButton } from "./clipboard.js"
import { html, name } from "./html.js"
import { snippet } from "./snippet.js"
import { printable } from "./text.js"

/** @import {Content} from "./html.js" */

/** A modal dialog. Its heading has the id `dialog-title`. @param {{children: Content}} props */
export function Dialog({ children }) {
  const dialog = useRef(/** @type {HTMLDialogElement | null} */ (null))
  useLayoutEffect(() => dialog.current?.showModal(), [])
  return html`<dialog ref=${dialog} aria-labelledby="dialog-title" onClose=${closeDialog}>${children}</dialog>`
}

/** Closes the dialog. The browser then returns the focus. */
export const close = () => document.querySelector("dialog")?.close()

/** Asks for the name of an experiment, and then deletes it. @param {string} experiment */
export const askDeletion = (experiment) => openDialog(html`<${Deletion} experiment=${experiment} />`)

/** @param {{experiment: string}} props */
function Deletion({ experiment }) {
  const [typed, setTyped] = useState("")
  const [trouble, setTrouble] = useState("")
  const [busy, setBusy] = useState(false)
  const confirmed = typed === experiment || typed === printable(experiment)
  const submit = async (/** @type {SubmitEvent} */ event) => {
    event.preventDefault()
    if (!confirmed || busy) return
    setBusy(true)
    try {
      await remove(experiment)
      close()
    } catch (error) {
      setTrouble(`Not deleted: ${error instanceof Error ? error.message : error}`)
      setBusy(false)
    }
  }
  return html`<form onSubmit=${submit}>
    <h2 id="dialog-title">Delete ${name(experiment)}?</h2>
    <p>This deletes all its counts and cannot be undone. If pages still send events for it, it starts again from zero.</p>
    <label for="deletion-name">Type its name to confirm:</label>
    <p><code>${name(experiment)}</code></p>
    <input id="deletion-name" value=${typed} onInput=${(/** @type {any} */ event) => setTyped(event.target.value)}
      autocomplete="off" spellcheck=${false} />
    <p class="wrong" role="alert">${trouble}</p>
    <div class="ends">
      <button type="button" class="close" onClick=${close}>Cancel</button>
      <button class="danger" disabled=${!confirmed || busy}>Delete</button>
    </div>
  </form>`
}

/** Shows the code that a page needs to send events. */
export function openSnippet() {
  if (state.session) openDialog(codeToCopy(snippet(trackUrl(state.session), namespace())))
}

/** @param {string} code */
const codeToCopy = (code) => html`<div>
  <h2 id="dialog-title">Track from your page</h2>
  <p>Add this to a page. It needs AlephBet from npm.</p>
  <pre tabindex="0">${code}</pre>
  <div class="ends">
    <button type="button" class="close" onClick=${close}>Close</button>
    ${copyButton(() => code, "Copy", "main")}
  </div>
</div>`
