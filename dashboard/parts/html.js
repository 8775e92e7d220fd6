// Binds htm to Preact. A value in a template becomes a text or an attribute, never HTML.
//
// A part without state is a function that returns elements. A part with state, such as a form, is a component with
// a capital letter.
import htm from "../vendor/htm.mjs"
import { h } from "../vendor/preact.mjs"
import { printable } from "./text.js"

/** @import {ComponentChildren, VNode} from "../vendor/preact.mjs" */
/** @typedef {ComponentChildren} Content */

/** Creates elements from a template. @type {(strings: TemplateStringsArray, ...values: unknown[]) => VNode<any>} */
export const html = /** @type {any} */ (htm.bind(h))

/** A name. It cannot turn the direction of the text next to it. @param {string} text */
export const name = (text) => html`<bdi>${printable(text)}</bdi>`
