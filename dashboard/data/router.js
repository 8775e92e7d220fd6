// The link holds everything that is selected, after the #. So a shared link shows the same view. It never holds
// the key.

/**
 * @typedef {object} Route
 * @property {string | null} experiment null for the list
 * @property {URLSearchParams} selected
 */

const ONE = "#/experiment/"

/** The view in the address. @returns {Route} */
export function route() {
  const [path = "", query = ""] = split(location.hash, "?")
  const selected = new URLSearchParams(query)
  if (!path.startsWith(ONE)) return { experiment: null, selected }
  try {
    return { experiment: decodeURIComponent(path.slice(ONE.length)), selected }
  } catch {
    return { experiment: null, selected }
  }
}

/**
 * The link to a view.
 * @param {string | null} experiment
 * @param {Record<string, string | null | undefined>} selected null and empty values are left out
 */
export function link(experiment, selected) {
  const kept = Object.entries(selected).filter((entry) => entry[1])
  const query = new URLSearchParams(/** @type {[string, string][]} */ (kept)).toString()
  const path = experiment === null ? "#/" : ONE + encodeURIComponent(experiment)
  return query === "" ? path : `${path}?${query}`
}

/**
 * Changes what is selected in the link. Replaces the entry in the browser's history.
 * @param {Record<string, string | null>} changes
 */
export function select(changes) {
  const { experiment, selected } = route()
  history.replaceState(null, "", link(experiment, { ...Object.fromEntries(selected), ...changes }))
}

/** @param {string} text @param {string} at */
function split(text, at) {
  const index = text.indexOf(at)
  return index < 0 ? [text] : [text.slice(0, index), text.slice(index + 1)]
}
