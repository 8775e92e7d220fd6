// Controls Chromium by lines of JSON on standard input: {"do": command, …}. Each answer is one line: {"ok": value}
// or {"error": text}. The page is served here, so the tracking server is another origin.
import { createReadStream } from "node:fs"
import { createServer } from "node:http"
import { createInterface } from "node:readline"
import { fileURLToPath } from "node:url"
import { chromium } from "playwright-core"
import { reading } from "./reader.mjs"
import { shop, shopping } from "./shop.mjs"

const file = (path) => fileURLToPath(new URL(path, import.meta.url))
const files = {
  "/": ["text/html", file("page.html")],
  "/page.js": ["text/javascript", file("page.js")],
  "/alephbet.min.js": ["text/javascript", file("node_modules/alephbet/dist/alephbet.min.js")]
}
const site = createServer((request, response) => {
  const { pathname } = new URL(request.url, "http://site")
  const [type, path, headers] = files[pathname] ?? shop[pathname] ?? []
  response.writeHead(200, { "content-type": type ?? "text/html", ...headers })
  if (path === undefined) response.end("<!doctype html><title>away</title><link rel=icon href=data:,>")
  else if (path.text !== undefined) response.end(path.text)
  else createReadStream(path).pipe(response)
})
await new Promise((listening) => site.listen(0, "127.0.0.1", listening))
const origin = `http://127.0.0.1:${site.address().port}`

const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  args: [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync"
  ]
})
const visitors = []
const complaints = []

const readers = reading(browser)
const commands = {
  ...readers,
  ...shopping(browser, origin),
  // A new visitor with a storage of its own.
  async visit(parameters) {
    const context = await browser.newContext()
    const page = await context.newPage()
    page.on("console", (message) => {
      if (message.type() === "error") complaints.push(message.text())
    })
    page.on("pageerror", (error) => complaints.push(String(error)))
    const address = `${origin}/?${new URLSearchParams(parameters)}`
    await page.goto(address)
    if ("leaves" in parameters) await page.waitForURL("**/away.html")
    visitors.push({ page, address })
    return visitors.length - 1
  },
  // Comes back to the page and stays.
  async return({ visitor }) {
    const { page, address } = visitors[visitor]
    await page.goto(address.replace(/&?leaves=\d+/, ""))
  },
  act: ({ visitor, clicks }) => visitors[visitor].page.evaluate((count) => act(count), clicks),
  variant: ({ visitor }) => visitors[visitor].page.evaluate(() => variant()),
  waiting: ({ visitor }) => visitors[visitor].page.evaluate(() => waiting()),
  beacon: ({ visitor, events }) => visitors[visitor].page.evaluate((sent) => beacon(sent), events),
  // A page that contains a snippet. Requests to `host` go to `server`.
  async paste({ snippet, host, stage, server, then }) {
    const context = await browser.newContext()
    const page = await context.newPage()
    page.on("pageerror", (error) => complaints.push(String(error)))
    await page.route((url) => url.hostname.includes(host), async (route) => {
      const { pathname, search } = new URL(route.request().url())
      const response = await route.fetch({ url: server + pathname.replace(stage, "") + search })
      await route.fulfill({ response })
    })
    const html = `<!doctype html><title>pasted</title><link rel=icon href=data:,><body>${snippet}`
    await page.route("**/pasted.html", (route) => route.fulfill({ contentType: "text/html", body: html }))
    await page.goto(`${origin}/pasted.html`)
    await page.evaluate(then)
  },
  complaints: ({ reader }) => reader === undefined ? complaints.splice(0) : readers.complaints({ reader })
}

for await (const line of createInterface({ input: process.stdin })) {
  const { do: command, ...parameters } = JSON.parse(line)
  let answer
  try {
    answer = { ok: (await commands[command](parameters)) ?? null }
  } catch (error) {
    answer = { error: String(error) }
  }
  console.log(JSON.stringify(answer))
}
await browser.close()
site.close()
