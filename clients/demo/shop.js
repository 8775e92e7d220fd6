// The shop of `abtest serve --demo`. It uses the client as any page does.
import { createClient } from "./client/index.js";

const EXPERIMENT = "shop: buy button";
const find = (id) => document.getElementById(id);

const { namespace } = await (await fetch("/demo/namespace.json")).json();
const client = createClient({ url: location.origin, namespace });
await client.ready;
find("results").href = `/#/experiment/${encodeURIComponent(EXPERIMENT)}`;
welcome(client);
find("next").onclick = () => {
  const unit = crypto.getRandomValues(new Uint32Array(2)).join("-");
  welcome(client.forUnit(unit));
};

/** Shows a visitor's variant, and lets the visitor buy. */
function welcome(visitor) {
  const { variant, reason } = visitor.answer(EXPERIMENT);
  const { text, color } = visitor.payload(EXPERIMENT, { text: "Buy", color: "#3556c4" });
  const buy = find("buy");
  buy.textContent = text;
  buy.style.background = color;
  buy.hidden = false;
  buy.onclick = () => {
    visitor.goal("purchase");
    client.flush();
    find("thanks").textContent = "Thank you! Your purchase is counted once.";
  };
  find("thanks").textContent = "";
  find("variant").textContent = reason === "split"
    ? `You see the variant ${variant}. abtest has counted you.`
    : `You see the variant ${variant ?? "of the page itself"} and are not counted (${reason}).`;
  // A real page lets events wait for five seconds. Here the counts should be seen at once.
  client.flush();
}
