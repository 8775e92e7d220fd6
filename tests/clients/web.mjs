// OpenFeature's web SDK with its OFREP provider: all flags at once, and a stream of changes. Does one step
// for each line of standard input, and prints what the page then sees as a line of JSON.
// usage: node web.mjs BASE_URL
import { createInterface } from "node:readline";
import { OFREPWebProvider } from "@openfeature/ofrep-web-provider";
import { OpenFeature, ProviderEvents } from "@openfeature/web-sdk";
import { EventSource } from "eventsource";

const [baseUrl] = process.argv.slice(2);
globalThis.EventSource = EventSource;
/** The statuses of all answers. */
const statuses = [];
const { fetch } = globalThis;
globalThis.fetch = async (...request) => {
  const answer = await fetch(...request);
  statuses.push(answer.status);
  return answer;
};
const changes = [];
OpenFeature.addHandler(ProviderEvents.ConfigurationChanged, ({ flagsChanged }) => {
  changes.push(...flagsChanged);
});
const client = OpenFeature.getClient();

const steps = {
  async start() {
    await OpenFeature.setContext({ targetingKey: "qa", country: "DE" });
    const provider = new OFREPWebProvider({ baseUrl, cacheMode: "disabled" });
    await OpenFeature.setProviderAndWait(provider);
  },
  async context(country) {
    await OpenFeature.setContext({ targetingKey: "qa", country });
  },
  async nobody() {
    await OpenFeature.setContext({});
  },
  async changed() {
    while (!changes.includes("object")) await new Promise((resolve) => setTimeout(resolve, 20));
  },
  /** Sends the same context again. */
  async unchanged() {
    await OpenFeature.setContext({ ...OpenFeature.getContext() });
  },
  async look() {},
};

for await (const line of createInterface({ input: process.stdin })) {
  const [step, ...values] = line.split(" ");
  await steps[step](...values);
  console.log(
    JSON.stringify({
      truth: client.getBooleanDetails("truth", false),
      text: client.getStringDetails("text", "default"),
      number: client.getNumberDetails("number", 0),
      object: client.getObjectDetails("object", {}),
      country: client.getStringDetails("country", "default"),
      unknown: client.getStringDetails("no such flag", "default"),
      statuses,
    }),
  );
}
process.exit(0);
