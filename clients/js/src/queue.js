/**
 * Events that wait until the server has them. Each event is a key in the storage, so the same event
 * waits once, also when two tabs add it.
 * @module
 */

const SECOND = 1_000;
const DAY = 86_400 * SECOND;

/** Time until a new event is sent, and the first wait after a failure. */
const PAUSE = 5 * SECOND;
/** Longest wait after failures. */
const LONGEST_PAUSE = 600 * SECOND;
/** Most events in a request. So many waiting events are sent at once. */
const BATCH = 100;
/** Browsers finish requests of at most 64 KiB when the page is closed. This is in UTF-16 code units. */
const FINISHED_LENGTH = 20_000;
/** How long an event waits that names something that is not declared (404). */
const UNDECLARED_KEPT = DAY;
/** How long any event waits. */
const KEPT = 7 * DAY;

const START = "event:";

/**
 * @typedef {object} Event What /track reads.
 * @property {string} experiment
 * @property {string} variant
 * @property {string} event A goal's name, or `participate`.
 * @property {string} uuid The unit.
 * @property {number} [allocation] The allocation of the unit's exposure.
 *
 * @typedef {object} Queue
 * @property {(event: Event) => void} add
 * @property {() => Promise<void>} flush Sends everything. It never rejects; what fails waits.
 * @property {() => void} beacon Sends what this page added, while the page is closed.
 * @property {() => void} close Sends nothing from now on.
 */

/**
 * @param {object} options
 * @param {string} options.url
 * @param {string} options.namespace
 * @param {import("./storage.js").Store} options.store
 * @returns {Queue}
 */
export function createQueue({ url, namespace, store }) {
  const address = `${url}/track`;
  /** What this page added and did not send yet. @type {Set<string>} */
  const unsent = new Set();
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;
  let failures = 0;
  let closed = false;
  /** @type {Promise<void> | undefined} */
  let sending;

  const schedule = () => {
    if (closed || timer !== undefined) return;
    const pause = Math.min(PAUSE * 2 ** Math.max(failures - 1, 0), LONGEST_PAUSE);
    timer = setTimeout(flush, pause);
    // A Node process ends without waiting for it.
    /** @type {any} */ (timer).unref?.();
  };

  const inBatches = (/** @type {string[]} */ keys) =>
    Array.from({ length: Math.ceil(keys.length / BATCH) }, (_, index) => keys.slice(index * BATCH, (index + 1) * BATCH));
  const body = (/** @type {string[]} */ keys) => `[${keys.map((key) => key.slice(START.length))}]`;

  /** Sends one batch. @param {string[]} keys @returns {Promise<boolean>} Whether nothing of it waits any longer. */
  const send = async (keys) => {
    for (const key of keys) unsent.delete(key);
    let status = 0;
    /** @type {{index: number, status: number}[]} */
    let refused = [];
    const text = body(keys);
    try {
      // A text needs no preflight.
      const response = await fetch(address, {
        method: "POST", body: text, keepalive: text.length < FINISHED_LENGTH, signal: AbortSignal.timeout(30 * SECOND),
      });
      if (!response.ok || response.status === 207) refused = (await response.json()).refused ?? [];
      status = response.status;
    } catch {
      // No answer, or one that cannot be read: everything waits, unless it is too old.
    }
    const rest = status === 207 ? 200 : status;
    const statuses = keys.map(() => rest);
    for (const one of refused) statuses[one.index] = one.status;
    let waiting = 0;
    keys.forEach((key, index) => {
      const answer = statuses[index];
      const age = Date.now() - Number(store.get(key));
      if (answer === 200 || answer === 400 || age > (answer === 404 ? UNDECLARED_KEPT : KEPT)) store.remove(key);
      else {
        waiting++;
        // Closing the page tries once more.
        if (answer !== 404) unsent.add(key);
        // The clock was wrong: count from now.
        if (!(age >= 0)) store.set(key, String(Date.now()));
      }
    });
    return waiting === 0;
  };

  const sendAll = async () => {
    let good = true;
    for (const batch of inBatches(store.keys(START))) {
      if (closed) return;
      good = (await send(batch)) && good;
    }
    failures = good ? 0 : failures + 1;
  };

  const flush = () => {
    clearTimeout(timer);
    timer = undefined;
    if (closed) return Promise.resolve();
    // One tab sends at a time. Without locks (plain HTTP, sandboxes), two tabs can send an event twice; it counts once.
    const locks = globalThis.navigator?.locks;
    /** @type {Promise<any>} */
    const sent = sending ?? (locks ? locks.request(`abtest:${namespace}`, sendAll).catch(sendAll) : sendAll());
    sending ??= sent.finally(() => {
      sending = undefined;
      if (failures > 0 || unsent.size > 0) schedule();
    });
    return sending;
  };

  return {
    add(event) {
      const key = START + JSON.stringify({ ...event, namespace });
      if (store.get(key) !== null) return;
      store.set(key, String(Date.now()));
      unsent.add(key);
      if (unsent.size >= BATCH && failures === 0) flush();
      else schedule();
    },
    async flush() {
      // Also what was added while a request was on its way.
      await sending;
      await flush();
    },
    beacon() {
      for (const batch of inBatches([...unsent].filter((key) => store.get(key)))) {
        // They stay in the storage: a beacon has no answer.
        if (navigator.sendBeacon(address, body(batch))) for (const key of batch) unsent.delete(key);
      }
    },
    close() {
      closed = true;
      clearTimeout(timer);
    },
  };
}
