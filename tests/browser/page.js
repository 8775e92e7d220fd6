// A visitor's page with the real AlephBet. The address says which server, adapter and visitor.
const { AlephbetAdapter, Experiment, GimelAdapter, Goal, LamedAdapter } = AlephBet
const adapters = { AlephbetAdapter, GimelAdapter, LamedAdapter }
const address = new URLSearchParams(location.search)
const adapter = new adapters[address.get("adapter")](address.get("server") + "/track", "alephbet")

const experiment = new Experiment({
  name: "50% off: now?",
  user_id: address.get("user"),
  tracking_adapter: adapter,
  variants: { "red & blue": { activate() {} }, "grün 🟢": { activate() {} } }
})
const signup = new Goal("signed up")
const click = new Goal("click + más", { unique: false })
experiment.add_goals([signup, click])

window.variant = () => experiment.get_stored_variant()
window.act = (clicks) => {
  signup.complete()
  signup.complete()
  for (let count = 0; count < clicks; count++) click.complete()
}
// How many events this page will still send. (Not what lies in the storage: the Gimel and Lamed
// adapters of 0.27 load the queue under their parent's name, and so never find their own again.)
window.waiting = () => adapter._queue.length
window.beacon = (events) => navigator.sendBeacon(address.get("server") + "/track", JSON.stringify(events))

if (address.has("leaves")) {
  act(Number(address.get("leaves")))
  location.href = "/away.html"
}
