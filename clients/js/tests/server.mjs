// A server that answers as abtest does, and remembers what it was asked.
import { createServer } from "node:http";

/**
 * @param {object} config The published document.
 */
export async function startServer(config) {
  const server = {
    config,
    /** What /track answers: by default 200. */
    track: (events) => ({ status: 200, body: { accepted: events.length } }),
    /** Answers are broken connections. */
    down: false,
    /** What answers wait for. @type {Promise<void> | undefined} */
    held: undefined,
    /** The events of each request. */
    batches: [],
    /** The requests for /config: their If-None-Match. */
    configs: [],
    get events() {
      return this.batches.flat();
    },
  };
  const http = createServer(async (request, response) => {
    if (server.down) return request.socket.destroy();
    let text = "";
    for await (const piece of request) text += piece;
    if (request.url.startsWith("/config?")) {
      const condition = request.headers["if-none-match"];
      server.configs.push(condition);
      await server.held;
      const etag = `"${server.config.version}"`;
      if (condition === etag) return response.writeHead(304).end();
      return response.writeHead(200, { etag }).end(JSON.stringify(server.config));
    }
    const events = JSON.parse(text);
    const { status, body } = server.track(events);
    if (status < 300) server.batches.push(events);
    await server.held;
    response.writeHead(status).end(JSON.stringify(body));
  });
  await new Promise((listening) => http.listen(0, "127.0.0.1", listening));
  server.url = `http://127.0.0.1:${http.address().port}`;
  server.close = () => {
    http.closeAllConnections();
    return new Promise((closed) => http.close(closed));
  };
  return server;
}

/** Waits until a condition holds. @param {() => boolean} condition */
export async function until(condition) {
  while (!condition()) await new Promise((done) => setTimeout(done, 5));
}

/** A running experiment with equal weights. */
export function experiment(name, more = {}) {
  return {
    name, id: `id-${name}`, salt: `salt-${name}`, status: "running", ring: `id-${name}`, slots: [[0, 10_000]],
    allocation: { number: 1, ranges: { blue: [[0, 5_000]], green: [[5_000, 10_000]] } }, targeting: null,
    variants: [{ name: "blue", payload: { color: "#00f" } }, { name: "green", payload: { color: "#0f0" } }],
    fallback: "blue", winner: null, overrides: {}, requires: [], ...more,
  };
}

/** A published document. */
export function published(version, ...experiments) {
  return { format: 1, namespace: "alephbet", version, hash: "murmur3", experiments };
}

/** A `Storage` as browsers have it. */
export function newStorage() {
  const entries = new Map();
  return {
    entries,
    get length() {
      return entries.size;
    },
    key: (index) => [...entries.keys()][index] ?? null,
    getItem: (key) => entries.get(key) ?? null,
    setItem: (key, value) => entries.set(key, value),
    removeItem: (key) => entries.delete(key),
  };
}
