/**
 * The client of abtest: which variant a unit gets, decided here, and counted on the server.
 * @module
 */

import { createConfig } from "./config.js";
import { createQueue } from "./queue.js";
import { createStore } from "./storage.js";
import { createView } from "./view.js";
import { forcedVariants, isBot, newUnit } from "./visitor.js";

const HOUR = 3_600_000;
/** Time between two looks for a new config: with caches on the way a change arrives within two minutes. */
const REFRESH = 45_000;
/** How long a page waits for its first config if the snippet does not say. */
const WAIT = 1_000;

/**
 * @typedef {import("./evaluate.js").Answer} Answer
 * @typedef {import("./view.js").View} View
 *
 * @typedef {object} Options
 * @property {string} url The address of abtest, such as `https://abtest.example.org`.
 * @property {string} [namespace] `alephbet` if absent.
 * @property {string | number} [unit] Who gets the variants: a user or a device. Browsers get a
 *   random one, which is stored.
 * @property {Record<string, unknown>} [attributes] What targeting sees. `bot: true` is set for bots.
 * @property {boolean} [consent] Without it, nothing is sent, stored or read until `consent()`.
 * @property {number} [maxStale] How old a stored config may be to be used at once, in
 *   milliseconds. One hour if absent.
 * @property {number} [timeout] Longest wait for a config, in milliseconds. If absent, what is left
 *   of the snippet's limit, or one second.
 * @property {boolean} [stream] Whether `abtest serve` tells about new configs at once.
 * @property {Storage} [storage] Where to store. `localStorage` if absent, otherwise memory.
 *
 * @typedef {object} Lifetime
 * @property {Promise<void>} ready Resolves when variants can be asked for: with a config, or after
 *   `timeout` without one.
 * @property {string} unit The unit. Empty if it is unknown.
 * @property {(unit: string | number, attributes?: Record<string, unknown>) => View} forUnit The
 *   answers for another unit: a visitor who logged in, or one of a server's visitors.
 * @property {(given?: boolean) => Promise<void>} consent Starts to store and send. With `false` it
 *   stops, and deletes everything that is stored.
 * @property {() => void} show Ends what the snippet hides.
 * @property {() => Promise<void>} flush Sends waiting events now.
 * @property {() => Promise<void>} close Sends waiting events and stops all timers.
 *
 * @typedef {View & Lifetime} Client
 */

/**
 * Starts a client. Create one per page, or one per process.
 * @param {Options} options
 * @returns {Client}
 */
export function createClient(options) {
  let awake = options.consent !== false;
  let running = start(options, awake);
  return {
    get ready() {
      return running.ready;
    },
    get unit() {
      return running.unit();
    },
    variant: (name, fallback) => running.own().variant(name, fallback),
    payload: (name, fallback) => running.own().payload(name, fallback),
    answer: (name) => running.own().answer(name),
    goal: (name) => running.own().goal(name),
    forUnit: (unit, attributes) => running.forUnit(unit, attributes),
    consent(given = true) {
      if (given !== awake) {
        running.close();
        if (!given) running.forget();
        awake = given;
        running = start(options, awake);
      }
      return running.ready;
    },
    show: () => /** @type {any} */ (globalThis).abtest?.show(),
    flush: () => running.flush(),
    async close() {
      await running.flush();
      running.close();
    },
  };
}

/**
 * @param {Options} options
 * @param {boolean} awake Whether it may send, store and read. If not, every answer is `unknown`.
 */
function start(options, awake) {
  const { namespace = "alephbet", attributes, maxStale = HOUR, storage } = options;
  const url = options.url.replace(/\/+$/, "");
  const { document, EventSource } = globalThis;
  const area = storage ? () => storage : document && (() => localStorage);
  const stop = new AbortController();
  const { signal } = stop;
  const newStore = (prefix = `abtest:${namespace}:`, from = area) =>
    createStore(prefix, awake ? from : undefined, signal);
  const store = newStore();
  const session = newStore("abtest:", document && (() => sessionStorage));
  const config = createConfig({ url, namespace, store, maxStale });
  // A store of its own, because a long list of units in memory must not drop events.
  const queue = createQueue({ url, namespace, store: newStore() });
  const forced = forcedVariants(session);
  const marked = { ...(isBot() && { bot: true }), ...attributes };

  const unit = () => {
    if (options.unit !== undefined || !document || !awake) return String(options.unit ?? "");
    if (!store.get("unit")) store.set("unit", newUnit());
    return store.get("unit") ?? "";
  };
  // Another tab may store a unit at the same moment, and browsers tell tabs about it a little later. This stores one
  // now, and it is read when the first answer is asked for: then both tabs read the same one.
  unit();
  const forUnit = (/** @type {string | number} */ id, /** @type {Record<string, unknown>} */ more = {}) =>
    createView({
      unit: id, attributes: { ...marked, ...more }, forced, store, queue,
      usable: () => (usable ? config.current() : undefined),
      known: config.current,
    });
  /** @type {import("./view.js").View | undefined} */
  let own;

  let { isFresh: usable } = config;
  let late = false;
  /** @type {Promise<void>} */
  let ready = Promise.resolve();
  if (awake) {
    const refresh = async (/** @type {boolean} */ revalidate) => {
      if (await config.refresh(revalidate)) usable ||= !late;
    };
    const first = refresh(false);
    if (!usable) {
      ready = Promise.race([first, sleep(options.timeout ?? limit())]).then(() => {
        // A page that was shown without a config keeps its fallbacks. A server goes on to wait.
        late = document !== undefined && !usable;
      });
    }
    queue.flush();
    const timer = setInterval(() => document?.hidden || refresh(true), REFRESH);
    /** @type {any} */ (timer).unref?.();
    const source = options.stream && EventSource
      ? new EventSource(`${url}/config/stream?namespace=${encodeURIComponent(namespace)}`)
      : undefined;
    source?.addEventListener("config", () => refresh(true));
    signal.onabort = () => {
      clearInterval(timer);
      source?.close();
      queue.close();
    };
    if (document) {
      addEventListener("pagehide", queue.beacon, { signal });
      addEventListener("pageshow", queue.flush, { signal });
      addEventListener("online", queue.flush, { signal });
      document.addEventListener("visibilitychange", queue.flush, { signal });
    }
  }

  return {
    ready,
    unit,
    own: () => (own ??= forUnit(unit())),
    forUnit,
    flush: async () => {
      if (awake) await queue.flush();
    },
    close: () => stop.abort(),
    forget() {
      for (const key of store.keys()) store.remove(key);
      session.remove("forced");
    },
  };
}

/** What is left of the snippet's limit, in milliseconds. */
function limit() {
  const until = /** @type {any} */ (globalThis).abtest?.until;
  return until ? until - performance.now() : WAIT;
}

/** @param {number} milliseconds */
function sleep(milliseconds) {
  return new Promise((done) => setTimeout(done, milliseconds));
}
