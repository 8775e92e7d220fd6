/**
 * What survives a page: the browser's storage, or memory where there is no storage or it is
 * forbidden or full.
 * @module
 */

/** Most entries in memory, some 20 MB. The oldest ones are dropped. */
const MOST_IN_MEMORY = 100_000;

/**
 * A place for texts that never throws.
 * @typedef {object} Store
 * @property {(key: string) => string | null} get
 * @property {(key: string, value: string) => void} set
 * @property {(key: string) => void} remove
 * @property {(start?: string) => string[]} keys The keys that begin so.
 */

/**
 * @param {string} prefix What all keys begin with in the storage.
 * @param {() => Storage} [area] Reading `localStorage` itself can throw.
 * @param {AbortSignal} [end] From then on nothing is stored.
 * @returns {Store}
 */
export function createStore(prefix, area, end) {
  /** @type {Map<string, string>} */
  const memory = new Map();
  /** @template T @param {(storage: Storage) => T} use @returns {T | undefined} */
  const attempt = (use) => {
    try {
      return area && use(area());
    } catch {
      return undefined;
    }
  };
  return {
    get: (key) => memory.get(key) ?? attempt((storage) => storage.getItem(prefix + key)) ?? null,
    set(key, value) {
      if (end?.aborted) return;
      memory.delete(key);
      const stored = attempt((storage) => {
        storage.setItem(prefix + key, value);
        return true;
      });
      if (stored) return;
      memory.set(key, value);
      if (memory.size > MOST_IN_MEMORY) memory.delete(/** @type {string} */ (memory.keys().next().value));
    },
    remove(key) {
      memory.delete(key);
      attempt((storage) => storage.removeItem(prefix + key));
    },
    keys(start = "") {
      const stored = attempt((storage) => Array.from({ length: storage.length }, (_, index) => storage.key(index)));
      const own = (stored ?? []).flatMap((key) => (key?.startsWith(prefix) ? [key.slice(prefix.length)] : []));
      return [...new Set([...own, ...memory.keys()])].filter((key) => key.startsWith(start));
    },
  };
}
