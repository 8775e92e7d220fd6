// Commands of drive.mjs for visitors of a shop that uses our own client. Each visitor has a browser profile; each of its
// pages is a tab. The shop is another origin than abtest.
import { readFile } from "node:fs/promises"
import { fileURLToPath } from "node:url"

/** How a person's browser calls itself. */
const AGENT = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36"

const file = (path) => fileURLToPath(new URL(path, import.meta.url))

/** What the shop's server sends, by path: a type, a file or a text, and more headers. */
export const shop = {
  "/shop": ["text/html", file("shop.html")],
  // A page with an origin of its own, that may store nothing.
  "/sandbox": ["text/html", file("shop.html"), { "content-security-policy": "sandbox allow-scripts" }],
  "/evaluate/evaluate.js": ["text/javascript", file("../../clients/js/src/evaluate.js")],
  "/evaluate/bucket.js": ["text/javascript", file("../../clients/js/src/bucket.js")],
  "/evaluate/targeting.js": ["text/javascript", file("../../clients/js/src/targeting.js")],
  "/auto.min.js": ["text/javascript", file("../clients/node_modules/@growthbook/growthbook/dist/bundles/auto.min.js")],
  "/abtest-client.js": ["text/javascript", file("../../clients/js/dist/index.js"), { "access-control-allow-origin": "*" }]
}

/** @type {{context: import("playwright-core").BrowserContext, pages: import("playwright-core").Page[], complaints: string[]}[]} */
const visitors = []

/** @param {import("playwright-core").Browser} browser @param {string} origin */
export function shopping(browser, origin) {
  async function show(page, path, html) {
    // A page that playwright would make up may not ask this machine's servers (Local Network Access).
    if (html !== undefined) shop[path] = ["text/html", { text: html }]
    await page.goto(path.startsWith("/") ? origin + path : path, { waitUntil: "commit" })
  }
  return {
    // A new visitor. Returns its number. `agent: null` is the agent of a headless browser.
    async person({ agent = AGENT }) {
      const context = await browser.newContext({ viewport: { width: 200, height: 200 }, ...(agent && { userAgent: agent }) })
      // Chromium says that a program drives it; a person's does not.
      if (agent) await context.addInitScript(() => Object.defineProperty(navigator, "webdriver", { value: false }))
      return visitors.push({ context, pages: [], complaints: [] }) - 1
    },
    // Opens a page of the shop, or a whole address, in a new tab, and returns the tab's number. `html` is its text, instead of a file.
    async tab({ visitor, path, html }) {
      const { context, pages, complaints } = visitors[visitor]
      const page = await context.newPage()
      page.on("pageerror", (error) => complaints.push(String(error)))
      await show(page, path, html)
      return pages.push(page) - 1
    },
    // Goes to a page in the same tab.
    load: ({ visitor, tab, path, html }) => show(visitors[visitor].pages[tab], path, html),
    // Closes a tab as a person does: its page hears of it.
    async shut({ visitor, tab = 0 }) {
      const page = visitors[visitor].pages[tab]
      await Promise.all([page.waitForEvent("close"), page.close({ runBeforeUnload: true })])
    },
    // Evaluates an expression in a page.
    within: ({ visitor, tab = 0, expression }) => visitors[visitor].pages[tab].evaluate(expression),
    errors: ({ visitor }) => visitors[visitor].complaints.splice(0),
    // The visitor's clock shows another time, from the next page on.
    async clock({ visitor, days }) {
      await visitors[visitor].context.clock.setSystemTime(Date.now() + days * 86_400_000)
    },
    // As if what the browser's cache holds were too old.
    async uncache({ visitor, tab }) {
      const session = await visitors[visitor].context.newCDPSession(visitors[visitor].pages[tab])
      await session.send("Network.clearBrowserCache")
      await session.detach()
    },
    // Requests whose address contains `part` do not arrive until `release`.
    async hold({ visitor, part }) {
      const one = visitors[visitor]
      one.released = new Promise((release) => { one.release = release })
      await one.context.route((url) => url.href.includes(part), async (route) => {
        await one.released
        await route.continue().catch(() => {})
      })
    },
    release({ visitor }) { visitors[visitor].release() },
    // Films a tab, or starts its film again.
    async film({ visitor, tab = 0 }) {
      const one = visitors[visitor]
      const { film } = one
      one.film = []
      if (film) return
      const session = await one.context.newCDPSession(one.pages[tab])
      session.on("Page.screencastFrame", ({ data, sessionId }) => {
        one.film.push(data)
        session.send("Page.screencastFrameAck", { sessionId }).catch(() => {})
      })
      await session.send("Page.startScreencast", { format: "png", everyNthFrame: 1 })
    },
    // The color of the middle of each frame, without repetitions.
    async frames({ visitor }) {
      const one = visitors[visitor]
      one.projector ??= await browser.newPage()
      const colors = await one.projector.evaluate(async (frames) => {
        const seen = []
        for (const frame of frames) {
          const image = new Image()
          image.src = `data:image/png;base64,${frame}`
          await image.decode()
          const canvas = new OffscreenCanvas(image.width, image.height)
          const context = canvas.getContext("2d")
          context.drawImage(image, 0, 0)
          const [red, green, blue] = context.getImageData(image.width / 2, image.height / 2, 1, 1).data
          const color = `${red},${green},${blue}`
          if (seen.at(-1) !== color) seen.push(color)
        }
        return seen
      }, one.film)
      return colors
    }
  }
}
