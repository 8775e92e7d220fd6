// Calls to the API that read and change definitions and layers.
import { answered, ask, detailOf, json } from "./api.js"
import { namespace } from "./state.js"

/** @import {Edited, Explanation, HistoryChange, Members, TaggedSettings, Violation} from "../types.js" */

/** A change that the server refuses, with the reason. */
export class Refused extends Error {
  /** @param {number} status @param {any} problem */
  constructor(status, problem) {
    super(detailOf(status, problem))
    this.status = status
    /** What is wrong, by member. @type {Violation[]} */
    this.violations = [
      ...problem.violations ?? [],
      ...(problem.conflicts ?? []).filter((/** @type {any} */ one) => one.member).map((/** @type {any} */ one) => ({ member: one.member, rule: `cannot change: ${one.reason}` }))
    ]
  }
}

/** @param {string} experiment @param {string} part */
const path = (experiment, part) => `/experiments/${encodeURIComponent(experiment)}/${part}?${new URLSearchParams({ namespace: namespace() })}`

/** @param {string} experiment @returns {Promise<Members>} */
export const readDefinition = (experiment) => json(path(experiment, "definition"))

/** All changes of a definition, oldest first. @param {string} experiment @param {AbortSignal} signal @returns {Promise<HistoryChange[]>} */
export const readHistory = (experiment, signal) => json(path(experiment, "history"), signal)

/** What a unit gets in an experiment, step by step. @param {string} experiment @param {string} unit @param {Members} attributes @returns {Promise<Explanation>} */
export const explain = (experiment, unit, attributes) =>
  json(`${path(experiment, "explain")}&${new URLSearchParams({ unit, attributes: JSON.stringify(attributes) })}`)

const settings = () => `/settings?${new URLSearchParams({ namespace: namespace() })}`

/** The settings with the layers. @param {AbortSignal} [signal] @returns {Promise<TaggedSettings>} */
export async function readSettings(signal) {
  const response = await answered(await ask(settings(), { signal }))
  return { ...await response.json(), tag: response.headers.get("etag") }
}

/** Changes members of the settings. @param {TaggedSettings} before the version that is changed @param {Members} members */
export const changeSettings = ({ tag }, members) => send("PATCH", settings(), members, tag ?? "*")

/**
 * Changes a definition, or asks what a change would do.
 * @param {string} experiment
 * @param {"PUT" | "PATCH"} method
 * @param {Members} body
 * @param {number | null} version the version that is changed; null creates
 * @param {AbortSignal} [dryRun] present: only asks
 * @returns {Promise<Edited>}
 */
export const edit = (experiment, method, body, version, dryRun) =>
  send(method, path(experiment, "definition") + (dryRun ? "&dry_run=true" : ""), body, version === null ? null : `"${version}"`, dryRun)

/** @param {string} method @param {string} target @param {Members} body @param {string | null} version @param {AbortSignal} [signal] */
async function send(method, target, body, version, signal) {
  /** @type {Record<string, string>} */
  const condition = version === null ? { "if-none-match": "*" } : { "if-match": version }
  const headers = { "content-type": "application/json", "x-abtest-actor": "dashboard", ...condition }
  const response = await ask(target, { method, body: JSON.stringify(body), headers, signal })
  if ([409, 412, 422, 428].includes(response.status)) throw new Refused(response.status, await response.json().catch(() => ({})))
  return (await answered(response)).json()
}
