// Calls to the API. Only an exported page sends the API key. It asks for the key and stores it only in this module.

/** @import {Experiment, Session} from "../types.js" */

/** Why a request failed. @typedef {"gone" | "login" | "link" | "missing" | "refused"} Trouble */

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

/** Whether the page was exported to another host than the API's. */
export const exported = base !== ""

/** Longest list of names in one URL. Gateways accept about 8 KiB of headers. */
const LONGEST_SCOPE = 4000

/** Most experiments to read with their full analysis at once. A function's answer ends at 6 MB. */
const MOST_ANALYSED = 10

/** Experiments per request of the list. */
const PAGE = 1000

/** Names that a URL path cannot end with: browsers remove them, encoded or not. */
const DOTS = new Set([".", ".."])

/** Temporary failures: too many requests, or the store or the server is not available. */
const TEMPORARY = new Set([429, 502, 503, 504])

/** Timeout of a request, in milliseconds. */
const TIMEOUT = 60_000

let key = ""

/** What the key may do. @type {Session["role"]} */
let role = "edit"

/** The URL that browsers send events to. @param {Session} session */
export const trackUrl = (session) => session.track ?? `${exported ? base : location.origin}/track`

/** Reads the session. @returns {Promise<Session>} */
export async function session() {
  if (!exported) return json("/session")
  if (key === "") throw new ApiError("login", "")
  return { namespace: "alephbet", role }
}

/**
 * Opens a session. Returns whether the key was accepted.
 * @param {string} candidate
 */
export async function login(candidate) {
  if (!exported) return (await ask("/session", { method: "POST", body: candidate })).ok
  key = candidate
  const response = await ask("/settings")
  role = response.headers.get("x-abtest-role") === "read" ? "read" : "edit"
  if (!response.ok) key = ""
  return response.ok
}

/** Ends the session, so that this browser needs the key again. */
export async function logout() {
  key = ""
  if (!exported) await answered(await ask("/session", { method: "DELETE" }))
}

/**
 * All experiments of a namespace with their summaries. Reads page by page.
 * @param {string} namespace
 * @param {string} status only experiments with this status; empty for all but archived ones
 * @param {boolean} days whether to read the days too
 * @param {(read: Experiment[]) => void} progress called after each page with all experiments so far
 * @param {AbortSignal} signal
 * @returns {Promise<Experiment[]>}
 */
export async function list(namespace, status, days, progress, signal) {
  /** @type {Experiment[]} */
  const found = []
  /** @type {string | null} */
  let path = `/experiments?${new URLSearchParams({ namespace, ...(status && { status }), days: String(days), limit: String(PAGE) })}`
  while (path !== null) {
    const response = await answered(await ask(path, { signal }))
    const [, ...experiments] = await response.json()
    found.push(...experiments)
    path = nextPage(response)
    if (path !== null) progress(found)
  }
  return found
}

/** The path of the next page, or null after the last one (RFC 8288). @param {Response} response */
function nextPage(response) {
  const link = /<([^>]*)>\s*;\s*rel="?next"?/.exec(response.headers.get("link") ?? "")?.[1]
  return link === undefined ? null : `/experiments${new URL(link, response.url).search}`
}

/**
 * Some experiments with their full analysis.
 * @param {string} namespace
 * @param {string[]} names
 * @param {AbortSignal} signal
 * @returns {Promise<Experiment[]>}
 */
export async function analysed(namespace, names, signal) {
  // A scope separates names by commas, so read an experiment with a comma in its name alone.
  const alone = names.filter((one) => one.includes(","))
  const requests = [
    ...scopes(names.filter((one) => !one.includes(","))).map(async (scope) => {
      const question = new URLSearchParams({ namespace, scope, days: "true", analysis: "full" })
      return (await json(`/experiments?${question}`, signal)).slice(1)
    }),
    ...alone.map((one) => experiment(one, new URLSearchParams({ namespace }), signal).catch(unlessMissing))
  ]
  return (await Promise.all(requests)).flat()
}

/** Names joined by commas, in lists that one request can ask for. @param {string[]} names */
function scopes(names) {
  /** @type {string[][]} */
  const lists = []
  let length = Infinity
  for (const one of names) {
    const encoded = encodeURIComponent(one).length + 3
    if (length + encoded > LONGEST_SCOPE || (lists.at(-1)?.length ?? 0) >= MOST_ANALYSED) {
      lists.push([])
      length = 0
    }
    lists.at(-1)?.push(one)
    length += encoded
  }
  return lists.map((list) => list.join(","))
}

/** Ignores an experiment that was deleted between two requests. @param {unknown} error @returns {Experiment[]} */
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
  const [, found] = await json(`/experiments?${new URLSearchParams([...question, ["scope", name], ["analysis", "full"]])}`, signal)
  if (found === undefined) throw new ApiError("missing", "There is no such experiment.")
  return found
}

/**
 * Stores the control of an experiment, for all readers.
 * @param {string} namespace
 * @param {string} name
 * @param {string} variant
 */
export async function keepControl(namespace, name, variant) {
  if (DOTS.has(name)) throw new ApiError("refused", "A URL cannot end with this name.")
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
export async function json(path, signal) {
  const response = await answered(await ask(path, { signal }))
  return response.json()
}

/**
 * @param {string} path
 * @param {RequestInit} [options]
 */
export async function ask(path, options = {}) {
  const timeout = AbortSignal.timeout(TIMEOUT)
  const signal = options.signal ? AbortSignal.any([options.signal, timeout]) : timeout
  // The server accepts the session only with this header, which other sites cannot send.
  /** @type {Record<string, string>} */
  const proof = exported ? (key === "" ? {} : { "x-api-key": key }) : { "x-abtest-page": "1" }
  try {
    return await fetch(base + path, { ...options, signal, headers: { ...options.headers, ...proof } })
  } catch (error) {
    if (options.signal?.aborted) throw error
    throw new ApiError("gone", "The server does not answer.")
  }
}

/** What a problem document says. The log of the server has more under the id. @param {number} status @param {any} problem */
export function detailOf(status, problem) {
  const detail = typeof problem.detail === "string" ? problem.detail : `The server answered ${status}.`
  return problem.request_id ? `${detail} (request_id ${problem.request_id})` : detail
}

/** The response if it succeeded. Otherwise throws. @param {Response} response */
export async function answered(response) {
  if (response.ok) return response
  const problem = await response.json().catch(() => ({}))
  const detail = detailOf(response.status, problem)
  if (response.status === 401) throw new ApiError(problem.login === "link" ? "link" : "login", detail)
  if (response.status === 404) throw new ApiError("missing", detail)
  throw new ApiError(TEMPORARY.has(response.status) ? "gone" : "refused", detail)
}
