import assert from "node:assert/strict";
import { test } from "node:test";

import { exposureHook } from "../src/openfeature.js";
import { published, startServer } from "./server.mjs";

test("the hook counts each exposure once under its allocation, and nothing else", async (t) => {
  const server = await startServer(published(1));
  t.after(() => server.close());
  const hook = exposureHook({ url: `${server.url}/`, namespace: "shop" });
  const evaluated = (targetingKey, variant, flagMetadata) => hook.after({ context: { targetingKey } }, { variant, flagMetadata });
  const exposed = { exposure: true, experiment: "button", allocation: 3 };
  evaluated("ada", "green", exposed);
  evaluated("ada", "green", exposed);
  evaluated("bob", "green", { exposure: false, experiment: "button" });
  evaluated("eve", "green", undefined);
  evaluated(undefined, "green", exposed);
  await hook.flush();
  evaluated("ada", "green", exposed);
  await hook.flush();
  assert.deepEqual(server.events, [
    { experiment: "button", variant: "green", event: "participate", uuid: "ada", allocation: 3, namespace: "shop" },
  ]);
});
