/**
 * The published document of a namespace (`GET /config`): stored, and refreshed in the background.
 * @module
 */

const KEY = "config";

/**
 * @typedef {object} Published
 * @property {1} format
 * @property {number} version It only grows.
 * @property {"murmur3" | "growthbook"} hash
 * @property {import("./evaluate.js").Experiment[]} experiments
 *
 * @typedef {object} Config
 * @property {() => Published | undefined} current The newest known document, of any age.
 * @property {boolean} isFresh Whether the stored document was young enough at the start.
 * @property {(revalidate?: boolean) => Promise<boolean>} refresh Asks the server. It never rejects,
 *   and tells whether there was an answer.
 */

/**
 * @param {object} options
 * @param {string} options.url
 * @param {string} options.namespace
 * @param {import("./storage.js").Store} options.store
 * @param {number} options.maxStale In milliseconds.
 * @returns {Config}
 */
export function createConfig({ url, namespace, store, maxStale }) {
  const address = `${url}/config?namespace=${encodeURIComponent(namespace)}`;
  let { at, etag, published } = read(store.get(KEY));
  // A time in the future comes from a clock that was wrong.
  const age = Date.now() - at;

  /** @param {boolean} revalidate Whether to ask past the browser's cache. */
  const ask = async (revalidate) => {
    // Browsers send If-None-Match from their own cache. A header of ours would cost a preflight.
    const headers = globalThis.document || !etag ? undefined : { "if-none-match": etag };
    const cache = revalidate ? "no-cache" : "default";
    const response = await fetch(address, { headers, cache, signal: AbortSignal.timeout(30_000) });
    if (response.status !== 304) {
      const found = response.ok && (await response.json());
      if (!isReadable(found)) return false;
      // A cache on the way can answer with an older version.
      if (!published || found.version >= published.version) {
        published = found;
        etag = response.headers.get("etag");
      }
    }
    at = Date.now();
    store.set(KEY, JSON.stringify({ at, etag, published }));
    return true;
  };

  return {
    current: () => published,
    isFresh: published !== undefined && age >= 0 && age <= maxStale,
    refresh: (revalidate = false) => ask(revalidate).catch(() => false),
  };
}

/**
 * @param {string | null} text
 * @returns {{at: number, etag?: string | null, published?: Published}}
 */
function read(text) {
  try {
    const stored = JSON.parse(text ?? "");
    if (isReadable(stored.published)) return stored;
  } catch {
    // Nothing is stored, or another program wrote it.
  }
  return { at: 0 };
}

/** Whether this version can read a document. @param {any} published */
function isReadable(published) {
  return published?.format === 1 && Array.isArray(published.experiments);
}
