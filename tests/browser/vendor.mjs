// Compares dashboard/vendor with the npm packages in node_modules: `node vendor.mjs`. Prints each file that differs, and
// then fails. `node vendor.mjs --write` writes the files instead.
import { readFileSync, writeFileSync } from "node:fs"

/** The files of dashboard/vendor and where each comes from. */
const FILES = {
  "preact.mjs": "preact/dist/preact.mjs",
  "hooks.mjs": "preact/hooks/dist/hooks.mjs",
  "preact.LICENSE": "preact/LICENSE",
  "htm.mjs": "htm/dist/htm.mjs",
  "htm.LICENSE": "htm/LICENSE"
}

for (const [name, source] of Object.entries(FILES)) {
  const target = new URL(`../../dashboard/vendor/${name}`, import.meta.url)
  const text = readFileSync(new URL(`node_modules/${source}`, import.meta.url), "utf8")
    // Browsers cannot find a package by its name, and the page has no source maps.
    .replace('from"preact"', 'from"./preact.mjs"')
    .replace(/^\/\/# sourceMappingURL=.*\n?/m, "")
  if (process.argv.includes("--write")) writeFileSync(target, text)
  else if (readFileSync(target, "utf8") !== text) {
    console.log(`dashboard/vendor/${name} differs from node_modules/${source}`)
    process.exitCode = 1
  }
}
