// What this browser stores: the names of hidden experiments. Never the key or any counts.

/** @param {string} what @param {string} namespace */
const place = (what, namespace) => `abtest ${what} ${namespace}`

/**
 * @template T
 * @param {string} key
 * @param {T} otherwise
 * @returns {T}
 */
function read(key, otherwise) {
  try {
    return JSON.parse(localStorage.getItem(key) ?? "null") ?? otherwise
  } catch {
    return otherwise
  }
}

/** @param {string} key @param {unknown} value */
function write(key, value) {
  try {
    localStorage.setItem(key, JSON.stringify(value))
  } catch {
    // Without storage, the choice lasts until the page is closed.
  }
}

/** Names of hidden experiments. @param {string} namespace @returns {Set<string>} */
export const hidden = (namespace) => new Set(read(place("hidden", namespace), /** @type {string[]} */ ([])))

/** @param {string} namespace @param {string} experiment @param {boolean} hide */
export function setHidden(namespace, experiment, hide) {
  const names = hidden(namespace)
  if (hide) names.add(experiment)
  else names.delete(experiment)
  write(place("hidden", namespace), [...names])
}
