// The modules of views that few readers open. They are loaded when such a view is opened, so the page starts sooner.
import { ApiError } from "./api.js"
import { shown, state } from "./state.js"

const LOADERS = {
  editor: () => import("../definition/editor.js"),
  explain: () => import("../definition/explain.js"),
  history: () => import("../definition/history.js"),
  layers: () => import("../definition/layers.js")
}

/** @typedef {keyof typeof LOADERS} Name */
/** @typedef {{[one in Name]?: Awaited<ReturnType<typeof LOADERS[one]>>}} Modules */

/** The views with a module of their own. @type {Partial<Record<import("./router.js").View, Name>>} */
const OF_VIEW = { new: "editor", edit: "editor", explain: "explain", history: "history", layers: "layers" }

/** Loads what the shown view needs. */
export async function load() {
  const name = OF_VIEW[shown()]
  if (name === undefined || state.modules[name]) return
  const module = await LOADERS[name]().catch((error) => { throw new ApiError("gone", `The page could not load a part of itself: ${error.message}`) })
  Object.assign(state.modules, { [name]: module })
}
