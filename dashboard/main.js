// Starts the page.
import { App } from "./app.js"
import { followLinks } from "./data/actions.js"
import { read } from "./data/reading.js"
import { whenChanged } from "./data/state.js"
import { html } from "./parts/html.js"
import { render } from "./vendor/preact.mjs"

const page = /** @type {HTMLElement} */ (document.getElementById("page"))
const draw = () => render(html`<${App} />`, page)

whenChanged(draw)
followLinks()
draw()
read()
