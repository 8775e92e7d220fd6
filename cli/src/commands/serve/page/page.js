// The live counts: reads /experiments each second. Names come from the open internet, so they
// only ever become text nodes, each kept from turning the direction of its neighbours' text.

const SHOWN = 200
const status = document.getElementById("status")
const clock = document.getElementById("clock")
const login = document.getElementById("login")
const number = new Intl.NumberFormat()
const percent = new Intl.NumberFormat(undefined, { style: "percent", minimumFractionDigits: 2 })
const each = new Intl.NumberFormat(undefined, { minimumFractionDigits: 2, maximumFractionDigits: 2 })

/** Makes an element with properties and children. */
function element(name, properties, ...children) {
  const made = Object.assign(document.createElement(name), properties)
  made.append(...children)
  return made
}

const name = (text) => element("bdi", { textContent: text })

/** The rows of a goal; each variant's bar is as long as its share of the highest rate. */
function goalRows({ goal, results }) {
  const rate = ({ successes, trials }) => (trials > 0 ? successes / trials : 0)
  const highest = Math.max(...results.map(rate))
  // Past one for each participant, the goal is one to reach again and again: no percentage.
  const shown = (result) => (highest > 1 ? `${each.format(rate(result))} each` : percent.format(rate(result)))
  const rows = results.map((result) => {
    const variant = element("th", { scope: "row", className: "variant" }, name(result.label))
    variant.style.setProperty("--share", highest > 0 ? rate(result) / highest : 0)
    return element("tr", {}, variant,
      element("td", { textContent: number.format(result.trials) }),
      element("td", { textContent: number.format(result.successes) }),
      element("td", { textContent: result.trials > 0 ? shown(result) : "–" }))
  })
  const head = element("th", { className: "goal", scope: "rowgroup", colSpan: 4 }, goal)
  return element("tbody", {}, element("tr", {}, head), ...rows)
}

function section({ experiment, goals, variants, counting }) {
  const none = { goal: "no goal reached yet", results: variants.map((variant) => ({ ...variant, successes: 0 })) }
  const all = goals.map(({ goal, results }) => ({ goal: name(goal), results }))
  const head = ["Variant", "Took part", "Reached", "Rate"]
  return element("section", {},
    element("h2", {}, name(experiment)),
    element("p", { className: "quiet", textContent: counting === "exact" ? "counted exactly" : "estimated, ±0.81%" }),
    element("table", {},
      element("thead", {}, element("tr", {}, ...head.map((title) => element("th", { scope: "col", textContent: title })))),
      ...(all.length > 0 ? all : [none]).map(goalRows)))
}

function empty(namespace) {
  const event = { namespace, experiment: "button color", variant: "red", event: "participate", uuid: 1 }
  const line = `curl '${location.origin}/track?${new URLSearchParams(event)}'`
  return element("p", {}, "No events yet. Send one: ", element("code", { textContent: line }))
}

/** Of too many, those that most took part in, which are not what a scanner left; in their order. */
function foremost(experiments) {
  const participants = ({ variants }) => variants.reduce((sum, { trials }) => sum + trials, 0)
  const most = new Set(experiments.toSorted((a, b) => participants(b) - participants(a)).slice(0, SHOWN))
  return experiments.filter((experiment) => most.has(experiment))
}

/** Makes a tree like another, touching only what differs: what is selected or scrolled stays so. */
function patch(old, fresh) {
  if (old.nodeName !== fresh.nodeName || old.childNodes.length !== fresh.childNodes.length) {
    return old.replaceWith(fresh)
  }
  if (old.nodeType === Node.TEXT_NODE) {
    if (old.data !== fresh.data) old.data = fresh.data
    return
  }
  if (old.style.cssText !== fresh.style.cssText) old.style.cssText = fresh.style.cssText
  const children = [...fresh.childNodes]
  Array.from(old.childNodes).forEach((child, index) => patch(child, children[index]))
}

function draw(...children) {
  patch(document.getElementById("experiments"), element("div", { id: "experiments" }, ...children))
}

/** Says what the state is; the same is not said again, since screen readers would read it out. */
function say(text, stale = false) {
  if (status.textContent !== text) status.textContent = text
  document.getElementById("experiments").classList.toggle("stale", stale)
}

const ask = (path, options) => fetch(path, { signal: AbortSignal.timeout(10_000), ...options })

async function poll(namespace) {
  if (document.hidden) {
    return document.addEventListener("visibilitychange", () => poll(namespace), { once: true })
  }
  try {
    const response = await ask(`/experiments?${new URLSearchParams({ namespace })}`)
    if (response.status === 401) return start()
    const answer = await response.json()
    if (response.ok) {
      const all = answer.slice(1)
      draw(...(all.length > 0 ? foremost(all).map(section) : [empty(namespace)]))
      const cut = all.length > SHOWN ? `, the ${SHOWN} with the most participants shown` : ""
      say(`${number.format(all.length)} experiment${all.length === 1 ? "" : "s"}${cut}`)
      clock.textContent = `as of ${new Date().toLocaleTimeString()}`
    } else {
      say(`No counts now: ${answer.detail}. Trying again.`, true)
    }
  } catch {
    say("The server does not answer. Trying again.", true)
  }
  setTimeout(poll, 1000, namespace)
}

async function start() {
  try {
    const response = await ask("/session")
    login.hidden = response.ok
    if (response.ok) {
      const session = await response.json()
      return poll(new URLSearchParams(location.search).get("namespace") ?? session.namespace)
    }
    draw()
    clock.textContent = ""
    say("Enter the API key to see the counts.")
  } catch {
    say("The server does not answer. Trying again.", true)
    setTimeout(start, 1000)
  }
}

login.addEventListener("submit", async (submission) => {
  submission.preventDefault()
  const [key, button] = login.querySelectorAll("input, button")
  button.disabled = true
  try {
    const response = await ask("/session", { method: "POST", body: key.value })
    if (response.ok) await start()
    else say("That is not the API key.")
    key.value = ""
  } catch {
    say("The server does not answer. Try again.")
  }
  button.disabled = false
})

start()
