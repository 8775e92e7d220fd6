import assert from "node:assert/strict";
import { test } from "node:test";

import { bucket } from "../src/evaluate.js";
import { createClient } from "../src/index.js";
import { experiment, newStorage, published, startServer, until } from "./server.mjs";

const HOUR = 3_600_000;
const DAY = 24 * HOUR;

/** Runs a test with a server, and ends its clients. */
function withServer(name, run, config = published(1, experiment("button"))) {
  test(name, async () => {
    const server = await startServer(config);
    const clients = [];
    const open = async (options) => {
      const client = createClient({ url: server.url, unit: "visitor", timeout: 500, ...options });
      clients.push(client);
      await client.ready;
      return client;
    };
    try {
      await run(server, open);
    } finally {
      server.down = true;
      for (const client of clients) await client.close();
      await server.close();
    }
  });
}

/** Changes the times in a storage by some milliseconds, as if the clock had gone on. */
function age(storage, milliseconds) {
  for (const [key, value] of storage.entries) {
    if (key.includes(":event:")) storage.entries.set(key, String(Number(value) - milliseconds));
    if (!key.endsWith(":config")) continue;
    const stored = JSON.parse(value);
    storage.entries.set(key, JSON.stringify({ ...stored, at: stored.at - milliseconds }));
  }
}

/** Waits until the client refreshed its stored config, which was aged before. */
async function refreshed(storage) {
  const at = () => JSON.parse(storage.getItem("abtest:alephbet:config")).at;
  await until(() => Date.now() - at() < HOUR / 4);
}

const waiting = (storage) => [...storage.entries.keys()].filter((key) => key.includes(":event:")).length;

withServer("an exposure and a goal are sent once", async (server, open) => {
  const client = await open();
  const variant = client.variant("button");
  assert.deepEqual(client.answer("button"), {
    variant, payload: client.payload("button"), reason: "split", exposure: true, allocation: 1,
  });
  client.goal("purchase");
  client.goal("purchase");
  await client.flush();
  const event = { experiment: "button", variant, uuid: "visitor", namespace: "alephbet", allocation: 1 };
  assert.deepEqual(server.batches, [[{ ...event, event: "participate" }, { ...event, event: "purchase" }]]);
});

withServer("without an answer the caller's fallback applies, and nothing is counted", async (server, open) => {
  const client = await open();
  assert.equal(client.variant("other"), null);
  assert.equal(client.variant("third", "control"), "control");
  assert.deepEqual(client.payload("fourth", { color: "red" }), { color: "red" });
  const nobody = await open({ unit: "a\nb" });
  assert.equal(nobody.answer("button").reason, "no_unit");
  for (const one of [client, nobody]) {
    one.goal("purchase");
    await one.flush();
  }
  assert.deepEqual(server.events, []);
});

withServer("the first call fixes a variant for the page view", async (server, open) => {
  const storage = newStorage();
  const first = await open({ storage });
  const variant = first.variant("button");
  server.config = published(2, experiment("button", { status: "completed", winner: variant === "blue" ? "green" : "blue" }));
  age(storage, HOUR / 2);
  const second = await open({ storage });
  assert.equal(second.variant("button"), variant, "the stored config is used at once");
  await refreshed(storage);
  assert.equal(second.variant("button"), variant);
  const third = await open({ storage });
  assert.notEqual(third.variant("button"), variant);
});

withServer("a stored config works without the server, and its events arrive later", async (server, open) => {
  const storage = newStorage();
  await open({ storage });
  server.down = true;
  const offline = await open({ storage });
  assert.equal(offline.answer("button").reason, "split");
  offline.goal("purchase");
  await offline.flush();
  assert.equal(waiting(storage), 2);
  server.down = false;
  await offline.flush();
  assert.equal(waiting(storage), 0);
  assert.equal(server.events.length, 2);
});

withServer("an old config, or one from the future, waits for the network and gives the fallback", async (server, open) => {
  for (const shift of [2 * HOUR, -2 * HOUR]) {
    const storage = newStorage();
    const known = await open({ storage });
    known.variant("button");
    age(storage, shift);
    server.down = true;
    const late = await open({ storage, timeout: 50 });
    assert.equal(late.variant("button", "mine"), "mine");
    // The exposure of an earlier page still has goals.
    late.goal("purchase");
    server.down = false;
    await late.flush();
    assert.deepEqual(server.events.map(({ event }) => event), ["participate", "purchase"]);
    server.batches.length = 0;
    const again = await open({ storage });
    assert.equal(again.answer("button").reason, "split");
  }
});

withServer("a lower version is ignored", async (server, open) => {
  const storage = newStorage();
  server.config = published(7, experiment("button"));
  await open({ storage });
  server.config = published(6);
  age(storage, HOUR / 2);
  await open({ storage });
  await refreshed(storage);
  assert.equal((await open({ storage })).answer("button").reason, "split");
});

withServer("a document of another format is ignored", async (server, open) => {
  server.config = { ...published(1, experiment("button")), format: 2 };
  assert.equal((await open()).answer("button").reason, "unknown");
});

withServer("Node asks only for what changed", async (server, open) => {
  const storage = newStorage();
  await open({ storage });
  age(storage, HOUR / 2);
  await open({ storage });
  await refreshed(storage);
  assert.deepEqual(server.configs, [undefined, '"1"']);
});

withServer("a remembered unit stays where it is when weights change", async (server, open) => {
  const storages = Array.from({ length: 20 }, newStorage);
  const variants = [];
  for (const [unit, storage] of storages.entries()) variants.push((await open({ storage, unit })).variant("button"));
  const allocation = { number: 2, ranges: { blue: [[0, 100]], green: [[100, 10_000]] } };
  server.config = published(2, experiment("button", { allocation }));
  for (const [unit, storage] of storages.entries()) {
    age(storage, 2 * HOUR);
    const client = await open({ storage, unit });
    assert.deepEqual([client.variant("button"), client.answer("button").allocation], [variants[unit], 1]);
    client.goal("purchase");
    await client.flush();
  }
  assert.ok(variants.includes("blue") && variants.includes("green"));
  assert.equal(server.events.length, 2 * storages.length);
  assert.ok(server.events.every(({ allocation }) => allocation === 1), "events state the allocation of the exposure");
  const newcomer = await open({ unit: "newcomer" });
  newcomer.variant("button");
  newcomer.goal("purchase");
  await newcomer.flush();
  assert.deepEqual(server.events.slice(-2).map(({ allocation }) => allocation), [2, 2]);
});

withServer("a stored allocation that cannot be read is not sent", async (server, open) => {
  const storage = newStorage();
  storage.setItem("abtest:alephbet:seen:id-button:visitor", "blue\nnot a number");
  const client = await open({ storage });
  client.goal("purchase");
  await client.flush();
  assert.deepEqual(server.events, [
    { experiment: "button", variant: "blue", event: "purchase", uuid: "visitor", namespace: "alephbet" },
  ]);
});

withServer("a goal goes to the experiments in which the unit was exposed and which declare it", async (server, open) => {
  const goals = (id, ...names) => ({ goals: names.map((name) => bucket("murmur3", id, name)) });
  server.config = published(
    1, experiment("button", goals("id-button", "purchase", "revenue")), experiment("search", goals("id-search", "found")),
    experiment("open"), experiment("unseen"), experiment("paused", { status: "paused" }),
  );
  const client = await open();
  for (const name of ["button", "search", "open", "paused"]) client.variant(name);
  client.goal("purchase");
  await client.flush();
  const reached = server.events.filter(({ event }) => event === "purchase").map(({ experiment }) => experiment);
  assert.deepEqual(reached, ["button", "open"]);
});

withServer("refused events are dropped, undeclared ones after a day, and all after seven days", async (server, open) => {
  const storage = newStorage();
  const client = await open({ storage });
  client.variant("button");
  client.goal("refused");
  client.goal("undeclared");
  client.goal("limited");
  server.track = (events) => {
    const statuses = { refused: 400, undeclared: 404, limited: 429 };
    const refused = events.flatMap(({ event }, index) => (event in statuses ? [{ index, status: statuses[event] }] : []));
    return { status: 207, body: { accepted: events.length - refused.length, refused } };
  };
  const left = () => [...storage.entries.keys()].flatMap((key) => key.match(/"event":"(\w+)"/)?.[1] ?? []);
  await client.flush();
  assert.deepEqual(left(), ["undeclared", "limited"]);
  age(storage, 23 * HOUR);
  await client.flush();
  assert.deepEqual(left(), ["undeclared", "limited"]);
  age(storage, 2 * HOUR);
  await client.flush();
  assert.deepEqual(left(), ["limited"]);
  server.down = true;
  age(storage, 5 * DAY);
  await client.flush();
  assert.deepEqual(left(), ["limited"]);
  age(storage, 2 * DAY);
  await client.flush();
  assert.deepEqual(left(), []);
});

withServer("events wait for 200, whatever else comes", async (server, open) => {
  const storage = newStorage();
  const client = await open({ storage });
  client.variant("button");
  for (const status of [429, 500, 503, 302, 404]) {
    server.track = () => ({ status, body: "not what abtest says" });
    await client.flush();
    assert.equal(waiting(storage), 1, String(status));
  }
  server.track = () => ({ status: 200, body: {} });
  await client.flush();
  assert.equal(waiting(storage), 0);
});

withServer("a clock that was ahead does not keep events longer", async (server, open) => {
  const storage = newStorage();
  const client = await open({ storage });
  client.variant("button");
  age(storage, -365 * DAY);
  server.down = true;
  await client.flush();
  age(storage, 8 * DAY);
  await client.flush();
  assert.equal(waiting(storage), 0);
});

withServer("a hundred events are sent without waiting, in batches of a hundred", async (server, open) => {
  const client = await open();
  for (let unit = 0; unit < 250; unit++) client.forUnit(unit).variant("button");
  await client.flush();
  assert.equal(server.events.length, 250);
  assert.ok(server.batches.every((batch) => batch.length <= 100));
  assert.equal(new Set(server.events.map(({ uuid }) => uuid)).size, 250);
});

withServer("two tabs count once", async (server, open) => {
  const storage = newStorage();
  const [one, two] = [await open({ storage }), await open({ storage })];
  assert.equal(one.variant("button"), two.variant("button"));
  one.goal("purchase");
  two.goal("purchase");
  await one.flush();
  await two.flush();
  assert.equal(server.events.length, 2);
});

withServer("a storage that is forbidden or full is replaced by memory", async (server, open) => {
  const forbidden = () => {
    throw new Error("forbidden");
  };
  const full = { ...newStorage(), setItem: forbidden };
  const closed = { get length() { return forbidden(); }, key: forbidden, getItem: forbidden, setItem: forbidden, removeItem: forbidden };
  for (const storage of [full, closed]) {
    const client = await open({ storage });
    client.variant("button");
    client.goal("purchase");
    client.goal("purchase");
    await client.flush();
    assert.deepEqual(server.events.map(({ event }) => event), ["participate", "purchase"]);
    server.batches.length = 0;
  }
});

withServer("without consent nothing is sent, stored or read", async (server, open) => {
  const storage = newStorage();
  const client = await open({ storage, consent: false, unit: "visitor" });
  assert.equal(client.variant("button", "mine"), "mine");
  client.goal("purchase");
  await client.flush();
  assert.deepEqual([server.configs.length, server.events.length, storage.entries.size], [0, 0, 0]);
  await client.consent();
  assert.equal(client.answer("button").reason, "split");
  client.goal("purchase");
  await client.flush();
  assert.equal(server.events.length, 2);
  assert.ok(storage.entries.size > 0);
  await client.consent(false);
  assert.equal(client.variant("button", "mine"), "mine");
  assert.equal(storage.entries.size, 0);
});

withServer("after consent is withdrawn, answers on their way and views from before store and send nothing", async (server, open) => {
  const storage = newStorage();
  let release;
  server.held = new Promise((done) => (release = done));
  const early = await open({ storage, timeout: 1 });
  await until(() => server.configs.length === 1);
  await early.consent(false);
  release();

  const client = await open({ storage });
  const view = client.forUnit("later");
  server.held = new Promise((done) => (release = done));
  // The first hundred are sent at once, and the rest waits for the next batch.
  for (let number = 0; number < 150; number++) client.forUnit(`unit ${number}`).variant("button");
  const flushed = client.flush();
  await until(() => server.batches.length === 1);
  await client.consent(false);
  release();
  await flushed;
  assert.notEqual(view.variant("button"), null, "the page goes on to show its variant");
  view.goal("purchase");
  await client.flush();
  assert.deepEqual([server.batches.length, storage.entries.size], [1, 0]);
});

withServer("a forced variant is no exposure and stays out of the counts", async (server, open) => {
  server.config = published(1, experiment("50% off: now?"), experiment("button"));
  globalThis.location = { search: "?abtest=50%25 off: now?:green&abtest=button:unknown" };
  try {
    const client = await open();
    const { variant, payload, reason, exposure } = client.answer("50% off: now?");
    assert.deepEqual([variant, payload, reason, exposure], ["green", { color: "#0f0" }, "forced", false]);
    assert.equal(client.answer("button").reason, "split", "a variant that does not exist cannot be forced");
    client.goal("purchase");
    await client.flush();
    assert.ok(server.events.every(({ experiment }) => experiment === "button"));
  } finally {
    delete globalThis.location;
  }
});

withServer("a client with a stream asks again when the server tells of a change, until it is closed", async (server, open) => {
  const sources = [];
  globalThis.EventSource = class extends EventTarget {
    constructor(url) {
      super();
      sources.push(this);
      this.url = url;
      this.isOpen = true;
    }
    close() {
      this.isOpen = false;
    }
  };
  try {
    await open();
    assert.equal(sources.length, 0, "without the option there is no stream");
    const client = await open({ stream: true, namespace: "a shop" });
    assert.deepEqual(sources.map(({ url }) => url), [`${server.url}/config/stream?namespace=a%20shop`]);
    assert.equal(client.forUnit("ada").answer("button").reason, "split");
    server.config = published(2, experiment("button", { status: "paused" }));
    sources[0].dispatchEvent(new Event("config"));
    await until(() => client.forUnit("ada").answer("button").reason === "disabled");
    await client.close();
    assert.equal(sources[0].isOpen, false);
  } finally {
    delete globalThis.EventSource;
  }
});

withServer("one client serves many units of a server", async (server, open) => {
  server.config = published(1, experiment("button", { targeting: { country: "DE" } }));
  const client = await open({ unit: undefined, attributes: { country: "DE" } });
  assert.equal(client.answer("button").reason, "no_unit");
  assert.equal(client.forUnit(1).answer("button").reason, "split");
  assert.equal(client.forUnit("2", { country: "AT" }).answer("button").reason, "targeting");
  assert.equal(client.forUnit("3", { bot: true }).answer("button").reason, "bot");
});
