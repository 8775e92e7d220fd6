// Creates elements without HTML: text from the API becomes a text node or an attribute. Each view is a new tree.
// `morph` changes only what differs, so focus, selection, scrolling and open details stay.

const SVG = "http://www.w3.org/2000/svg"

/** @typedef {Node | string | number | null | undefined | false} Child */
/** @typedef {Record<string, string | number | boolean | null | undefined>} Attributes */

/**
 * An HTML element.
 * @param {string} name
 * @param {Attributes} [attributes] true is written without a value; false and null not at all
 * @param {...(Child | Child[])} children
 */
export function h(name, attributes = {}, ...children) {
  return filled(document.createElement(name), attributes, children)
}

/**
 * An SVG element.
 * @param {string} name
 * @param {Attributes} [attributes]
 * @param {...(Child | Child[])} children
 */
export function s(name, attributes = {}, ...children) {
  return filled(document.createElementNS(SVG, name), attributes, children)
}

/**
 * @template {Element} E
 * @param {E} element
 * @param {Attributes} attributes
 * @param {(Child | Child[])[]} children
 */
function filled(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === true) element.setAttribute(name, "")
    else if (value !== false && value != null) element.setAttribute(name, String(value))
  }
  for (const child of children.flat()) {
    if (child != null && child !== false) element.append(child instanceof Node ? child : String(child))
  }
  return element
}

/** What could turn the direction of writing, break a line or move a cursor. */
const UNSEEN = /[\p{Cc}\u200e\u200f\u202a-\u202e\u2028\u2029\u2066-\u2069\ufeff]/gu

/**
 * A text from the open internet as it can be shown: what could disguise it becomes a code point.
 * @param {string} text
 */
export const printable = (text) =>
  text.replace(UNSEEN, (character) => `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`)

/**
 * A name, kept from turning the direction of what stands beside it.
 * @param {string} text
 */
export const name = (text) => h("bdi", {}, printable(text))

/** Attributes that the reader changes, not the view. */
const READERS = new Set(["open"])

/**
 * Makes `old` like `fresh`. Children with a `data-key` are found again by it.
 * @param {Node} old
 * @param {Node} fresh
 */
export function morph(old, fresh) {
  if (old.nodeName !== fresh.nodeName || keyOf(old) !== keyOf(fresh)) {
    /** @type {ChildNode} */ (old).replaceWith(fresh)
    return
  }
  if (!(old instanceof Element && fresh instanceof Element)) {
    if (old.nodeValue !== fresh.nodeValue) old.nodeValue = fresh.nodeValue
    return
  }
  for (const { name: attribute } of [...old.attributes]) {
    if (!fresh.hasAttribute(attribute) && !READERS.has(attribute)) old.removeAttribute(attribute)
  }
  for (const { name: attribute, value } of fresh.attributes) {
    if (old.getAttribute(attribute) !== value) old.setAttribute(attribute, value)
  }
  morphChildren(old, [...fresh.childNodes])
  if (old !== document.activeElement) fill(old, fresh)
}

/**
 * Sets what a field holds, which is no attribute; one that the reader is in is left alone.
 * @param {Element} old
 * @param {Element} fresh
 */
function fill(old, fresh) {
  if (old instanceof HTMLSelectElement && fresh instanceof HTMLSelectElement) {
    if (old.value !== fresh.value) old.value = fresh.value
  } else if (old instanceof HTMLInputElement && fresh instanceof HTMLInputElement) {
    if (fresh.hasAttribute("value") && old.value !== fresh.value) old.value = fresh.value
    if (old.checked !== fresh.checked) old.checked = fresh.checked
  }
}

/**
 * @param {Element} parent
 * @param {ChildNode[]} fresh
 */
function morphChildren(parent, fresh) {
  const keyed = new Map([...parent.childNodes].map((child) => [keyOf(child), child]))
  keyed.delete(null)
  /** @type {ChildNode | null} */
  let next = parent.firstChild
  for (const child of fresh) {
    const known = keyed.get(keyOf(child))
    if (known && known !== next) {
      parent.insertBefore(known, next)
      next = known
    }
    if (next === null) {
      parent.append(child)
    } else if (known || (keyOf(next) === null && keyOf(child) === null)) {
      const old = next
      next = next.nextSibling
      morph(old, child)
    } else {
      parent.insertBefore(child, next)
    }
  }
  while (next) {
    const gone = next
    next = next.nextSibling
    gone.remove()
  }
}

/** @param {Node} node */
const keyOf = (node) => (node instanceof Element ? node.getAttribute("data-key") : null)

/**
 * Fills a place of the page.
 * @param {string} id
 * @param {...(Child | Child[])} children
 */
export function draw(id, ...children) {
  const place = document.getElementById(id)
  const fresh = h("div", {}, ...children)
  if (place) morphChildren(place, [...fresh.childNodes])
}
