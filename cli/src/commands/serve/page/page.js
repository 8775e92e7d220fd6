// The live counts: reads /experiments each second. Names come from the open internet, so they
// only ever become text nodes.

const status = document.getElementById("status")
const login = document.getElementById("login")
const experiments = document.getElementById("experiments")
const number = new Intl.NumberFormat()
const percent = new Intl.NumberFormat(undefined, { style: "percent", minimumFractionDigits: 2 })

/** Makes an element with text and children. */
function element(name, properties = {}, ...children) {
  const made = Object.assign(document.createElement(name), properties)
  made.append(...children)
  return made
}

function goalTable(goal) {
  const rate = ({ successes, trials }) => (trials > 0 ? successes / trials : 0)
  const highest = Math.max(...goal.results.map(rate), Number.MIN_VALUE)
  const rows = goal.results.map((result) => element("tr", {},
    element("th", { scope: "row", textContent: result.label }),
    element("td", { textContent: number.format(result.successes) }),
    element("td", { textContent: number.format(result.trials) }),
    element("td", { textContent: result.trials > 0 ? percent.format(rate(result)) : "–" }),
    element("td", {}, element("meter", { max: highest, value: rate(result), ariaHidden: "true" }))))
  const head = ["Variant", "Reached", "Took part", "Rate", ""]
  return element("div", { className: "scroll" }, element("table", {},
    element("caption", { textContent: goal.goal }),
    element("thead", {}, element("tr", {},
      ...head.map((title) => element("th", { scope: "col", textContent: title })))),
    element("tbody", {}, ...rows)))
}

function participants({ variants }) {
  const text = variants.map(({ label, trials }) => `${label} ${number.format(trials)}`).join(", ")
  return element("p", { textContent: `No goal reached yet. Took part: ${text}` })
}

function section(experiment) {
  const counting = experiment.counting === "exact" ? "counted exactly" : "estimated, ±0.81%"
  return element("section", {},
    element("h2", { textContent: `${experiment.experiment} ` },
      element("span", { className: "counting", textContent: counting })),
    ...(experiment.goals.length > 0 ? experiment.goals.map(goalTable) : [participants(experiment)]))
}

function show(results) {
  const all = results.slice(1)
  const shown = all.slice(0, 200)
  if (all.length === 0) {
    const url = `${location.origin}/track?experiment=button+color&variant=red&event=participate&uuid=1`
    experiments.replaceChildren(element("p", {}, "No events yet. Send one: ",
      element("code", { textContent: `curl '${url}'` })))
  } else {
    experiments.replaceChildren(...shown.map(section))
  }
  const cut = all.length > shown.length ? ` (the first ${shown.length} are shown)` : ""
  status.textContent = `${number.format(all.length)} experiments${cut}, ${new Date().toLocaleTimeString()}`
}

async function poll(namespace) {
  try {
    const response = await fetch(`/experiments?namespace=${encodeURIComponent(namespace)}`)
    if (response.status === 401) return start()
    if (!response.ok) throw new Error((await response.json()).detail)
    show(await response.json())
  } catch (error) {
    status.textContent = `No results now: ${error.message}. Trying again.`
  }
  setTimeout(poll, 1000, namespace)
}

async function start() {
  const response = await fetch("/session").catch(() => null)
  if (response === null) {
    status.textContent = "The server is gone. Trying again."
    return setTimeout(start, 1000)
  }
  login.hidden = response.ok
  if (!response.ok) {
    status.textContent = "Enter the API key to see the counts."
    return experiments.replaceChildren()
  }
  const session = await response.json()
  poll(new URLSearchParams(location.search).get("namespace") ?? session.namespace)
}

login.addEventListener("submit", async (submission) => {
  submission.preventDefault()
  const key = document.getElementById("key")
  const response = await fetch("/session", { method: "POST", body: key.value })
  key.value = ""
  if (response.ok) start()
  else status.textContent = "That is not the API key."
})

start()
