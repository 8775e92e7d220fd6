// Takes README's picture of the list, from a running `abtest serve --demo`: `node picture.mjs URL KEY`.
import { fileURLToPath } from "node:url"
import { chromium } from "playwright-core"

const [url, key] = process.argv.slice(2)
const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: ["--headless", "--no-sandbox", "--disable-gpu"] })
const page = await browser.newPage({ viewport: { width: 1024, height: 760 } })
await page.goto(url)
await page.fill("#key", key)
await page.click("#login button")
// The four played experiments have intervals. The shop's has none before somebody visits it.
await page.locator("ol.rows li:has(svg.interval)").nth(3).waitFor()
await page.screenshot({ path: fileURLToPath(new URL("../../docs/images/experiments.png", import.meta.url)), fullPage: true })
await browser.close()
