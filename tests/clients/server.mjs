// OpenFeature's server SDK with its OFREP provider. Prints what the SDK tells an application, as JSON.
// usage: node server.mjs BASE_URL
import { OFREPProvider } from "@openfeature/ofrep-provider";
import { OpenFeature } from "@openfeature/server-sdk";

const [baseUrl] = process.argv.slice(2);
await OpenFeature.setProviderAndWait(new OFREPProvider({ baseUrl }));
const client = OpenFeature.getClient();
const unit = { targetingKey: "qa" };
const told = {
  truth: await client.getBooleanDetails("truth", false, unit),
  text: await client.getStringDetails("text", "default", unit),
  number: await client.getNumberDetails("number", 0, unit),
  object: await client.getObjectDetails("object", {}, unit),
  mismatch: await client.getStringDetails("number", "default", unit),
  unknown: await client.getStringDetails("no such flag", "default", unit),
  nobody: await client.getStringDetails("text", "default", {}),
};
console.log(JSON.stringify(told));
