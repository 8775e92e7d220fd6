// The link holds everything that is selected, after the #. So a shared link shows the same view. It never holds
// the key.

/** @typedef {"list" | "new" | "layers" | "results" | "edit" | "history" | "explain"} View */

/**
 * @typedef {object} Route
 * @property {View} view
 * @property {string | null} experiment null if the view is not of one experiment
 * @property {URLSearchParams} selected
 */

const ONE = "#/experiment/"

/** The views with a path of their own. @type {Record<string, View>} */
const OTHERS = { "#/new": "new", "#/layers": "layers" }

/** The views below an experiment's path. @type {View[]} */
const PARTS = ["edit", "history", "explain"]

/** The view in the address. @returns {Route} */
export function route() {
  const [path = "", query = ""] = split(location.hash, "?")
  const selected = new URLSearchParams(query)
  if (!path.startsWith(ONE)) return { view: OTHERS[path] ?? "list", experiment: null, selected }
  // A name's own slashes are encoded.
  const [name = "", part = ""] = split(path.slice(ONE.length), "/")
  try {
    return { view: PARTS.find((one) => one === part) ?? "results", experiment: decodeURIComponent(name), selected }
  } catch {
    return { view: "list", experiment: null, selected }
  }
}

/**
 * The link to the list or to one experiment.
 * @param {string | null} experiment
 * @param {Record<string, string | null | undefined>} selected null and empty values are left out
 * @param {View} [view]
 */
export function link(experiment, selected, view = "results") {
  const kept = Object.entries(selected).filter((entry) => entry[1])
  const query = new URLSearchParams(/** @type {[string, string][]} */ (kept)).toString()
  const other = Object.keys(OTHERS).find((path) => OTHERS[path] === view)
  const path = experiment === null ? other ?? "#/" : ONE + encodeURIComponent(experiment) + (view === "results" ? "" : `/${view}`)
  return query === "" ? path : `${path}?${query}`
}

/**
 * Changes what is selected in the link. Replaces the entry in the browser's history.
 * @param {Record<string, string | null>} changes
 */
export function select(changes) {
  const { view, experiment, selected } = route()
  history.replaceState(null, "", link(experiment, { ...Object.fromEntries(selected), ...changes }, view))
}

/** @param {string} text @param {string} at */
function split(text, at) {
  const index = text.indexOf(at)
  return index < 0 ? [text] : [text.slice(0, index), text.slice(index + 1)]
}
