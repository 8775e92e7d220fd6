// Commands of drive.mjs for readers of the dashboard. Each reader has a browser profile of its own. The errors,
// warnings and requests of each page are recorded.
import { readFile } from "node:fs/promises"
import { fileURLToPath } from "node:url"

const AXE = fileURLToPath(new URL("node_modules/axe-core/axe.min.js", import.meta.url))

/** @type {{page: import("playwright-core").Page, metrics: import("playwright-core").CDPSession, complaints: string[], requests: {url: string, type: string, size: number}[]}[]} */
const readers = []

/** @param {import("playwright-core").Browser} browser */
export const reading = (browser) => ({
  // Opens a page on a screen of this size. Returns the reader's number.
  async read({ url, width = 1024, height = 900, scheme = "light", scripts = true }) {
    const context = await browser.newContext({
      viewport: { width, height }, colorScheme: scheme, javaScriptEnabled: scripts,
      // Elements must not move while a test looks at them.
      reducedMotion: "reduce", permissions: ["clipboard-read", "clipboard-write"]
    })
    const page = await context.newPage()
    const metrics = await context.newCDPSession(page)
    await metrics.send("Performance.enable")
    const reader = { page, metrics, complaints: [], requests: [] }
    page.on("console", (message) => {
      if (["error", "warning"].includes(message.type())) reader.complaints.push(message.text())
    })
    page.on("pageerror", (error) => reader.complaints.push(String(error)))
    page.on("request", (request) => {
      reader.requests.push({ url: request.url(), type: request.resourceType(), headers: request.headers() })
    })
    await page.goto(url)
    return readers.push(reader) - 1
  },
  async close({ reader }) {
    await readers[reader].page.context().close()
  },
  // Waits until an element is visible and, if a text is given, has it.
  async see({ reader, selector, text }) {
    const found = readers[reader].page.locator(selector)
    await (text === undefined ? found : found.filter({ hasText: text })).first().waitFor()
  },
  // Waits until no visible element matches.
  async miss({ reader, selector }) {
    await readers[reader].page.locator(selector).first().waitFor({ state: "hidden" })
  },
  go: ({ reader, hash }) => readers[reader].page.evaluate((to) => { location.hash = to }, hash),
  click: ({ reader, selector }) => readers[reader].page.locator(selector).first().click(),
  fill: ({ reader, selector, text }) => readers[reader].page.locator(selector).first().fill(text),
  choose: ({ reader, selector, value }) => readers[reader].page.locator(selector).first().selectOption(value),
  press: ({ reader, keys }) => keys.reduce((before, key) => before.then(() => readers[reader].page.keyboard.press(key)), Promise.resolve()),
  type: ({ reader, text }) => readers[reader].page.keyboard.type(text),
  resize: ({ reader, width, height = 900 }) => readers[reader].page.setViewportSize({ width, height }),
  texts: ({ reader, selector }) => readers[reader].page.locator(selector).allInnerTexts(),
  attributes: ({ reader, selector, name }) =>
    readers[reader].page.locator(selector).evaluateAll((all, attribute) => all.map((one) => one.getAttribute(attribute)), name),
  // Evaluates an expression in the page.
  ask: ({ reader, expression }) => readers[reader].page.evaluate(expression),
  reload: async ({ reader }) => { await readers[reader].page.reload() },
  url: ({ reader }) => readers[reader].page.url(),
  clipboard: ({ reader }) => readers[reader].page.evaluate(() => navigator.clipboard.readText()),
  picture: async ({ reader, path, whole = true }) => {
    await readers[reader].page.screenshot({ path, fullPage: whole })
  },
  // Violations of WCAG 2.2 AA and of axe-core's best practices.
  async violations({ reader }) {
    const { page } = readers[reader]
    // The page's policy forbids a script element, so evaluate axe instead.
    await page.evaluate(await readFile(AXE, "utf8"))
    const { violations } = await page.evaluate(() => window.axe.run())
    return violations.flatMap(({ id, help, nodes }) =>
      nodes.map(({ target, failureSummary }) => `${id}: ${help} at ${target} (${failureSummary})`))
  },
  // How many pixels the page is wider than the screen.
  overflow: ({ reader }) => readers[reader].page.evaluate(() =>
    document.documentElement.scrollWidth - document.documentElement.clientWidth),
  complaints: ({ reader }) => readers[reader].complaints.splice(0),
  requests: ({ reader }) => readers[reader].requests,
  cookies: ({ reader }) => readers[reader].page.context().cookies(),
  // Everything in the browser's storage, and the page's HTML.
  kept: ({ reader }) => readers[reader].page.evaluate(async () => JSON.stringify([
    { ...localStorage }, { ...sessionStorage }, document.cookie, location.href, document.documentElement.outerHTML,
    await caches.keys(), await indexedDB.databases()
  ])),
  // Milliseconds of script since the page was loaded, as Chromium counts them, and the size of its files.
  async cost({ reader }) {
    const { page, metrics: session } = readers[reader]
    const { metrics } = await session.send("Performance.getMetrics")
    const script = 1000 * (metrics.find(({ name }) => name === "ScriptDuration")?.value ?? NaN)
    const bytes = await page.evaluate(() =>
      [...performance.getEntriesByType("navigation"), ...performance.getEntriesByType("resource")]
        .filter(({ initiatorType }) => initiatorType !== "fetch")
        .reduce((sum, { decodedBodySize }) => sum + decodedBodySize, 0))
    return { script, bytes }
  }
})
