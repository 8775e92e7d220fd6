// Evaluations per second in Node, on one core. Prints JSON.
// usage: node evaluate.mjs abtest CONFIG EVALUATIONS      CONFIG is the answer of /config
//        node evaluate.mjs growthbook FEATURES EVALUATIONS  FEATURES is the answer of /api/features
import { createRequire } from "node:module"
import { readFileSync } from "node:fs"
import { pathToFileURL } from "node:url"
import { evaluate } from "../../clients/js/src/evaluate.js"

const [program, file, evaluations] = process.argv.slice(2)
const document = JSON.parse(readFileSync(file, "utf8"))
const attributes = { country: "DE", platform: "ios", version: "1.2.3" }
const units = Array.from({ length: 1024 }, (_, number) => `${number.toString(16).padStart(8, "0")}-0000-4000-8000-000000000000`)

/** Returns how many experiments a unit takes part in. */
const programs = {
  abtest: () => (unit) => {
    const context = { unit, attributes }
    let exposures = 0
    for (const experiment of document.experiments) exposures += Number(evaluate(experiment, document.hash, context).exposure)
    return exposures
  },
  growthbook: async () => {
    // The SDK is one of the packages of tests/clients.
    const path = createRequire(new URL("../clients/package.json", import.meta.url)).resolve("@growthbook/growthbook")
    const { GrowthBookClient } = await import(pathToFileURL(path))
    const client = new GrowthBookClient()
    client.initSync({ payload: document })
    const names = Object.keys(document.features)
    return (unit) => {
      const user = { attributes: { id: unit, ...attributes } }
      let exposures = 0
      for (const name of names) exposures += Number(client.evalFeature(name, user).experimentResult?.inExperiment ?? false)
      return exposures
    }
  }
}

const experiments = document.experiments?.length ?? Object.keys(document.features).length
const count = await programs[program]()
const rounds = evaluations / experiments
// The compiler needs some rounds to find what is worth optimising.
for (let round = 0; round < rounds / 10; round++) count(units[round % units.length])
const start = performance.now()
let exposures = 0
for (let round = 0; round < rounds; round++) exposures += count(units[round % units.length])
const seconds = (performance.now() - start) / 1000
console.log(JSON.stringify({ per_second: rounds * experiments / seconds, exposures }))
