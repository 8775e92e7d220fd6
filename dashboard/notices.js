// What the page shows if there are no results, and what to do next.
import { h, name } from "./dom.js"
import { link } from "./router.js"
import { firstEvent } from "./snippet.js"

/** Before the first answer. */
export const loading = () => h("p", { class: "notice", "data-key": "loading" }, "Reading the counts…")

/** @param {string} wrong what was wrong with the last attempt */
export const login = (wrong) => h("form", { class: "notice login", id: "login", "data-key": "login" },
  h("h1", {}, "Enter the API key"),
  h("p", {}, "The server printed it at its first start. For a deployed API, ", h("code", {}, "abtest key"), " prints it."),
  h("label", { for: "key" }, "API key"),
  h("input", { id: "key", type: "password", autocomplete: "off", required: true, "aria-describedby": wrong && "wrong-key", "aria-invalid": wrong ? "true" : null }),
  wrong && h("p", { class: "wrong", id: "wrong-key", role: "alert" }, wrong),
  h("button", { class: "main" }, "Show the experiments"))

/** For `abtest dashboard`: its link was already used. */
export const useLink = () => h("div", { class: "notice", "data-key": "link" },
  h("h1", {}, "This link was already used"),
  h("p", {}, "The link that ", h("code", {}, "abtest dashboard"), " prints works once. Stop the command, start it again, and open the new link."))

/** @param {string} track @param {string} namespace */
export const empty = (track, namespace) => h("div", { class: "notice", "data-key": "empty" },
  h("h1", {}, "No events yet"),
  h("p", {}, "Nothing was counted in the namespace ", name(namespace), ". Add the snippet to a page, or send a first event:"),
  h("pre", { tabindex: 0 }, firstEvent(track, namespace)),
  h("div", {},
    h("button", { type: "button", "data-copy": firstEvent(track, namespace) }, "Copy command"),
    h("button", { type: "button", class: "main", "data-do": "snippet" }, "Show snippet")))

/** @param {string} experiment @param {string} namespace */
export const missing = (experiment, namespace) => h("div", { class: "notice", "data-key": "missing" },
  h("h1", {}, "No such experiment"),
  h("p", {}, "There is no ", name(experiment), " in the namespace ", name(namespace), ". It was deleted, or it is in another namespace."),
  h("p", {}, h("a", { href: link(null, { namespace }) }, "← All experiments")))

/** @param {string} detail */
export const refused = (detail) => h("div", { class: "notice", "data-key": "refused" },
  h("h1", {}, "The server refused the request"),
  h("p", {}, detail),
  h("p", {}, h("button", { type: "button", "data-do": "retry" }, "Try again"), " ", h("a", { href: "#/" }, "All experiments")))

/** A banner above older results. @param {string} detail @param {string} asOf */
export const stale = (detail, asOf) => h("div", { class: "banner", "data-key": "stale" },
  h("p", {}, h("strong", {}, detail), asOf ? ` You see the counts of ${asOf}.` : " Check that it is running.", " The page tries again every few seconds."),
  h("button", { type: "button", "data-do": "retry" }, "Try now"))
