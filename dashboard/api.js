// Calls to the API. The key is in none of them but those of a page that was exported: there it is
// asked for, and held in this module's memory only.

/** @import {Experiment, Session} from "./types.js" */

/** Why there is no answer. @typedef {"gone" | "login" | "link" | "missing" | "refused"} Trouble */

export class ApiError extends Error {
  /**
   * @param {Trouble} trouble
   * @param {string} detail
   */
  constructor(trouble, detail) {
    super(detail)
    this.trouble = trouble
  }
}

const base = (document.querySelector("meta[name=abtest-api]")?.getAttribute("content") ?? "").replace(/\/+$/, "")

/** Whether the page lies on a host of its own, away from the API. */
export const exported = base !== ""

/** Longest list of names in one address: gateways take about 8 KiB of headers. */
const LONGEST_SCOPE = 4000

/** Names that no path can end with: an address loses them, however they are encoded. */
const DOTS = new Set([".", ".."])

/** Answers that say to come again: too many requests, and what stands behind the API is away. */
const PASSING = new Set([429, 502, 503, 504])

/** Longest wait, in milliseconds. */
const PATIENCE = 60_000

let key = ""

/** Where browsers track. @param {Session} session */
export const trackUrl = (session) => session.track ?? `${exported ? base : location.origin}/track`

/** Who we are to the server. @returns {Promise<Session>} */
export async function session() {
  if (!exported) return json("/session")
  if (key === "") throw new ApiError("login", "")
  return { namespace: "alephbet" }
}

/**
 * Opens a session, and tells whether the key did.
 * @param {string} candidate
 */
export async function login(candidate) {
  if (!exported) return (await ask("/session", { method: "POST", body: candidate })).ok
  key = candidate
  const response = await ask("/experiments?analysis=none&scope=-")
  if (!response.ok) key = ""
  return response.ok
}

/**
 * The counts of every experiment of a namespace.
 * @param {string} namespace
 * @param {boolean} days whether the days are asked for, too
 * @param {AbortSignal} signal
 * @returns {Promise<Experiment[]>}
 */
export async function counts(namespace, days, signal) {
  const answer = await json(`/experiments?${new URLSearchParams({ namespace, analysis: "none", days: String(days) })}`, signal)
  return answer.slice(1)
}

/**
 * What the counts of some experiments mean.
 * @param {string} namespace
 * @param {string[]} names all, where it is empty
 * @param {AbortSignal} signal
 * @returns {Promise<Experiment[]>}
 */
export async function analysed(namespace, names, signal) {
  if (names.length === 0) {
    return (await json(`/experiments?${new URLSearchParams({ namespace })}`, signal)).slice(1)
  }
  // A scope has commas between names; who has one in the name is asked for alone.
  const alone = names.filter((one) => one.includes(","))
  const requests = [
    ...scopes(names.filter((one) => !one.includes(","))).map(async (scope) => {
      const answer = await json(`/experiments?${new URLSearchParams({ namespace, scope, days: "true" })}`, signal)
      return answer.slice(1)
    }),
    ...alone.map((one) => experiment(one, new URLSearchParams({ namespace }), signal).catch(unlessMissing))
  ]
  return (await Promise.all(requests)).flat()
}

/** Lists of names with commas between, none too long. @param {string[]} names */
function scopes(names) {
  /** @type {string[]} */
  const lists = []
  let length = Infinity
  for (const one of names) {
    const encoded = encodeURIComponent(one).length + 3
    if (length + encoded > LONGEST_SCOPE) {
      lists.push(one)
      length = encoded
    } else {
      lists[lists.length - 1] += `,${one}`
      length += encoded
    }
  }
  return lists
}

/** Gone between two requests: no trouble in a list. @param {unknown} error @returns {Experiment[]} */
function unlessMissing(error) {
  if (error instanceof ApiError && error.trouble === "missing") return []
  throw error
}

/**
 * One experiment.
 * @param {string} name
 * @param {URLSearchParams} question
 * @param {AbortSignal} signal
 * @returns {Promise<Experiment>}
 */
export async function experiment(name, question, signal) {
  if (!DOTS.has(name)) return json(`/experiments/${encodeURIComponent(name)}?${question}`, signal)
  const [, found] = await json(`/experiments?${new URLSearchParams([...question, ["scope", name]])}`, signal)
  if (found === undefined) throw new ApiError("missing", "There is no such experiment.")
  return found
}

/**
 * Keeps the variant that the others are held against with its experiment, for everybody.
 * @param {string} namespace
 * @param {string} name
 * @param {string} variant
 */
export async function keepControl(namespace, name, variant) {
  if (DOTS.has(name)) throw new ApiError("refused", "No address ends with such a name.")
  const question = new URLSearchParams({ namespace, variant })
  await answered(await ask(`/experiments/${encodeURIComponent(name)}/control?${question}`, { method: "PUT" }))
}

/**
 * Deletes an experiment with all its counts.
 * @param {string} namespace
 * @param {string} name
 */
export async function remove(namespace, name) {
  const path = DOTS.has(name)
    ? `/delete?${new URLSearchParams({ namespace, experiment: name })}`
    : `/experiments/${encodeURIComponent(name)}?${new URLSearchParams({ namespace })}`
  await answered(await ask(path, { method: "DELETE" }))
}

/**
 * @param {string} path
 * @param {AbortSignal} [signal]
 */
async function json(path, signal) {
  const response = await answered(await ask(path, { signal }))
  return response.json()
}

/**
 * @param {string} path
 * @param {RequestInit} [options]
 */
async function ask(path, options = {}) {
  const patience = AbortSignal.timeout(PATIENCE)
  const signal = options.signal ? AbortSignal.any([options.signal, patience]) : patience
  // The page's own header is for a server that the browser does not tell whose page asks.
  /** @type {Record<string, string>} */
  const headers = exported ? (key === "" ? {} : { "x-api-key": key }) : { "x-abtest-page": "1" }
  try {
    return await fetch(base + path, { ...options, signal, headers })
  } catch (error) {
    if (options.signal?.aborted) throw error
    throw new ApiError("gone", "The server does not answer.")
  }
}

/** The answer, if it is what was asked for. @param {Response} response */
async function answered(response) {
  if (response.ok) return response
  const problem = await response.json().catch(() => ({}))
  const detail = typeof problem.detail === "string" ? problem.detail : `The server answered ${response.status}.`
  if (response.status === 401) throw new ApiError(problem.login === "link" ? "link" : "login", detail)
  if (response.status === 404) throw new ApiError("missing", detail)
  throw new ApiError(PASSING.has(response.status) ? "gone" : "refused", detail)
}
