// What stands where there is nothing to show, with what to do next.
import { h, name } from "./dom.js"
import { link } from "./router.js"
import { firstEvent } from "./snippet.js"

/** Before the first answer. */
export const loading = () => h("p", { class: "notice", "data-key": "loading" }, "Reading the counts…")

/** @param {string} wrong what was wrong with the last attempt */
export const login = (wrong) => h("form", { class: "notice login", id: "login", "data-key": "login" },
  h("h1", {}, "Enter the API key"),
  h("p", {}, "The server printed it when it started, with a link that opens this page without it. For a deployed API ", h("code", {}, "abtest key"), " prints it."),
  h("label", { for: "key" }, "API key"),
  h("input", { id: "key", type: "password", autocomplete: "off", required: true, "aria-describedby": wrong && "wrong-key", "aria-invalid": wrong ? "true" : null }),
  wrong && h("p", { class: "wrong", id: "wrong-key", role: "alert" }, wrong),
  h("button", { class: "main" }, "Show the experiments"))

/** The page of `abtest dashboard`, whose link was used up. */
export const useLink = () => h("div", { class: "notice", "data-key": "link" },
  h("h1", {}, "Open the link once more"),
  h("p", {}, "This page opens by the link that ", h("code", {}, "abtest dashboard"), " printed, and that link works once. Stop the command, start it again, and open its new link."))

/** @param {string} track @param {string} namespace */
export const empty = (track, namespace) => h("div", { class: "notice", "data-key": "empty" },
  h("h1", {}, "No events yet"),
  h("p", {}, "Nothing was counted in the namespace ", name(namespace), ". Put the snippet into a page, or send a first event:"),
  h("pre", { tabindex: 0 }, firstEvent(track, namespace)),
  h("div", {},
    h("button", { type: "button", "data-copy": firstEvent(track, namespace) }, "Copy the line"),
    h("button", { type: "button", class: "main", "data-do": "snippet" }, "Show the snippet")))

/** @param {string} experiment @param {string} namespace */
export const missing = (experiment, namespace) => h("div", { class: "notice", "data-key": "missing" },
  h("h1", {}, "No such experiment"),
  h("p", {}, "There is no ", name(experiment), " in the namespace ", name(namespace), ". It was deleted, or it lies in another namespace."),
  h("p", {}, h("a", { href: link(null, { namespace }) }, "← All experiments")))

/** @param {string} detail */
export const refused = (detail) => h("div", { class: "notice", "data-key": "refused" },
  h("h1", {}, "The server refuses"),
  h("p", {}, detail),
  h("p", {}, h("button", { type: "button", "data-do": "retry" }, "Try again"), " ", h("a", { href: "#/" }, "All experiments")))

/** Over what was seen last. @param {string} detail @param {string} asOf */
export const stale = (detail, asOf) => h("div", { class: "banner", "data-key": "stale" },
  h("p", {}, h("strong", {}, detail), asOf ? ` You see the counts of ${asOf}.` : " Is it running? ", " It is asked again every few seconds."),
  h("button", { type: "button", "data-do": "retry" }, "Try now"))
