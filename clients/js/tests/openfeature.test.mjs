import assert from "node:assert/strict";
import { test } from "node:test";

import { exposureHook } from "../src/openfeature.js";
import { published, startServer } from "./server.mjs";

test("the hook counts each exposure once, and nothing else", async () => {
  const server = await startServer(published(1));
  const hook = exposureHook({ url: `${server.url}/`, namespace: "shop" });
  const evaluated = (targetingKey, variant, flagMetadata) => hook.after({ context: { targetingKey } }, { variant, flagMetadata });
  const exposed = { exposure: true, experiment: "button" };
  evaluated("ada", "green", exposed);
  evaluated("ada", "green", exposed);
  evaluated("bob", "green", { exposure: false, experiment: "button" });
  evaluated("eve", "green", undefined);
  evaluated(undefined, "green", exposed);
  await hook.flush();
  evaluated("ada", "green", exposed);
  await hook.flush();
  assert.deepEqual(server.events, [
    { experiment: "button", variant: "green", event: "participate", uuid: "ada", namespace: "shop" },
  ]);
  await server.close();
});
