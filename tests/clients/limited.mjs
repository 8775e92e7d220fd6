// OpenFeature's server SDK at a server that answers 429. Prints the errors that an application sees.
// usage: node limited.mjs BASE_URL
import { OFREPProvider } from "@openfeature/ofrep-provider";
import { OpenFeature } from "@openfeature/server-sdk";

const [baseUrl] = process.argv.slice(2);
await OpenFeature.setProviderAndWait(new OFREPProvider({ baseUrl }));
const client = OpenFeature.getClient();
const errors = [];
for (let number = 0; number < 30; number += 1) {
  const { errorMessage } = await client.getStringDetails("text", "default", { targetingKey: "qa" });
  if (errorMessage) errors.push(errorMessage);
}
console.log(JSON.stringify(errors));
