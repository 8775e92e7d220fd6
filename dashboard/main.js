// Starts the page.
import { listen } from "./actions.js"
import { prepare } from "./layer.js"
import { render } from "./page.js"
import { start } from "./reading.js"

prepare()
listen()
render()
start(render)
