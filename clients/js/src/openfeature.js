/**
 * OpenFeature: an evaluation is not an exposure. This hook counts exposures.
 * @module
 */

import { createQueue } from "./queue.js";
import { createStore } from "./storage.js";

/**
 * A hook for the OpenFeature SDKs of web and server. It sends `participate` for each evaluation
 * whose metadata say `exposure: true`, once per unit and experiment.
 * @param {{url: string, namespace?: string}} options
 */
export function exposureHook({ url, namespace = "alephbet" }) {
  const { document } = globalThis;
  const area = document && (() => localStorage);
  const prefix = `abtest:${namespace}:`;
  const seen = createStore(prefix, area);
  const queue = createQueue({ url: url.replace(/\/+$/, ""), namespace, store: createStore(prefix, area) });
  if (document) addEventListener("pagehide", queue.beacon);
  queue.flush();
  return {
    /**
     * @param {{context: {targetingKey?: string}}} hook
     * @param {{variant?: string, flagMetadata?: Record<string, unknown>}} details
     */
    after({ context }, { variant, flagMetadata }) {
      const { exposure, experiment, allocation } = flagMetadata ?? {};
      const uuid = context.targetingKey;
      if (exposure !== true || !variant || !uuid) return;
      const key = `hook:${JSON.stringify([experiment, variant, uuid])}`;
      if (seen.get(key) !== null) return;
      seen.set(key, "");
      queue.add({
        experiment: String(experiment), variant, event: "participate", uuid, allocation: Number(allocation) || undefined,
      });
    },
    /** Sends waiting events now. */
    flush: queue.flush,
  };
}
