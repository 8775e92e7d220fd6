// GrowthBook's JavaScript SDK. For each context and feature, prints the value, and the variant of an exposure.
// usage: node growthbook.mjs API_HOST CLIENT_KEY QUESTIONS_FILE
import { readFileSync } from "node:fs";

import { GrowthBookClient } from "@growthbook/growthbook";

const [apiHost, clientKey, file] = process.argv.slice(2);
const { names, contexts } = JSON.parse(readFileSync(file, "utf8"));
const client = new GrowthBookClient({ apiHost, clientKey });
const { success, error } = await client.init({ timeout: 20_000 });
if (!success) throw error;
const answers = contexts.map(({ unit, attributes }) =>
  names.map((name) => {
    const { value, source, experimentResult } = client.evalFeature(name, { attributes: { ...attributes, id: unit } });
    return { value, exposed: source === "experiment" && experimentResult.inExperiment ? experimentResult.key : null };
  }));
console.log(JSON.stringify(answers));
client.destroy();
