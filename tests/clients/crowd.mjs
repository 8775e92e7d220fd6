// Many visitors of a server that uses our client in Node, before and after a change of weights. Does one step for each
// line of standard input, and prints a line when the step is done.
// usage: node crowd.mjs URL EXPERIMENT GOAL
import { createInterface } from "node:readline";

import { createClient } from "../../clients/js/src/index.js";

const [url, experiment, goal] = process.argv.slice(2);
const CROWD = 600;
/** What the client remembers between the steps. */
const stored = new Map();
const storage = {
  get length() { return stored.size; },
  key: (index) => [...stored.keys()][index] ?? null,
  getItem: (key) => stored.get(key) ?? null,
  setItem: (key, value) => stored.set(key, value),
  removeItem: (key) => stored.delete(key),
};

/** Runs with a client that asks for the current config first. */
async function withClient(run) {
  const client = createClient({ url, storage, maxStale: -1, timeout: 20_000 });
  await client.ready;
  run(client);
  await client.close();
}

const steps = {
  /** Visitors see their variant. */
  visit: (name) => withClient((client) => {
    for (let visitor = 0; visitor < CROWD; visitor += 1) client.forUnit(`${name} ${visitor}`).variant(experiment);
  }),
  /** Every third visitor comes back, sees the variant again, and reaches the goal. */
  buy: (name) => withClient((client) => {
    for (let visitor = 0; visitor < CROWD; visitor += 3) {
      const view = client.forUnit(`${name} ${visitor}`);
      view.variant(experiment);
      view.goal(goal);
    }
  }),
};

for await (const line of createInterface({ input: process.stdin })) {
  const [step, name] = line.split(" ");
  await steps[step](name);
  console.log(`{"waiting": ${[...stored.keys()].filter((key) => key.includes(":event:")).length}}`);
}
