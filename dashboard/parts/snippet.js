// The code that a page needs to send events with AlephBet. `abtest snippet` prints the same.

/** @param {string} track @param {string} namespace */
export function snippet(track, namespace) {
  // `</` would end the script element, so write `<` as an escape.
  const text = (/** @type {string} */ value) => JSON.stringify(value).replaceAll("<", "\\u003c")
  // The page is sent without indentation, so each line is a text of its own.
  return [
    `<script src="alephbet.min.js"></script>  <!-- npm: alephbet@0.27 -->`,
    `<script>`,
    `  const experiment = new AlephBet.Experiment({`,
    `    name: "button color",`,
    `    tracking_adapter: new AlephBet.GimelAdapter(${text(track)}, ${text(namespace)}),`,
    `    variants: {`,
    `      red: { activate: () => { document.body.dataset.color = "red" } },`,
    `      blue: { activate: () => { document.body.dataset.color = "blue" } }`,
    `    }`,
    `  })`,
    `  const signup = new AlephBet.Goal("signup")`,
    `  experiment.add_goal(signup)  // later, when it is reached: signup.complete()`,
    `</script>`,
    ""
  ].join("\n")
}

/** A command that sends a first event. @param {string} track @param {string} namespace */
export function firstEvent(track, namespace) {
  const event = { namespace, experiment: "button color", variant: "red", event: "participate", uuid: "1" }
  return `curl '${track}?${new URLSearchParams(event).toString().replaceAll("'", "%27")}'`
}
