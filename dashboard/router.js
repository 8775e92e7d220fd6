// What the reader looks at is in the link, behind the #: whoever gets the link sees the same. The
// key never is.

/**
 * @typedef {object} Route
 * @property {string | null} experiment none for the list of all
 * @property {URLSearchParams} selected
 */

const ONE = "#/experiment/"

/** What the address says. @returns {Route} */
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
 * The link to something.
 * @param {string | null} experiment
 * @param {Record<string, string | null | undefined>} selected what is null or empty is left out
 */
export function link(experiment, selected) {
  const kept = Object.entries(selected).filter((entry) => entry[1])
  const query = new URLSearchParams(/** @type {[string, string][]} */ (kept)).toString()
  const path = experiment === null ? "#/" : ONE + encodeURIComponent(experiment)
  return query === "" ? path : `${path}?${query}`
}

/**
 * Selects more or less of what is looked at, in the same place of the history.
 * @param {Record<string, string | null>} changes
 */
export function select(changes) {
  const { experiment, selected } = route()
  const target = link(experiment, { ...Object.fromEntries(selected), ...changes })
  history.replaceState(null, "", target)
  dispatchEvent(new Event("selected"))
}

/** @param {string} text @param {string} at */
function split(text, at) {
  const index = text.indexOf(at)
  return index < 0 ? [text] : [text.slice(0, index), text.slice(index + 1)]
}
