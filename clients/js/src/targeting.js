/**
 * Conditions on attributes, in GrowthBook's condition syntax (specification 0.12.0).
 *
 * The logic has three values: true, false, and undefined for what depends on an operator that this
 * version does not know. Only true matches, so an unknown part matches nothing under `$not`, too.
 * @module
 */

/**
 * @typedef {Record<string, unknown>} Members
 * @typedef {boolean | undefined} Truth
 */

/**
 * Whether a unit with these attributes matches. The unit is the attribute `id`.
 * @param {Members} condition
 * @param {string | undefined} unit
 * @param {Members} attributes
 */
export function matches(condition, unit, attributes) {
  return holds(condition, (path) => find(attributes, path, unit)) === true;
}

/**
 * @param {Members} condition
 * @param {(path: string) => unknown} lookup
 * @returns {Truth}
 */
function holds(condition, lookup) {
  const one = (/** @type {unknown} */ part) =>
    isObject(part) ? holds(part, lookup) : part === null ? undefined : false;
  return every(Object.keys(condition), (key) => {
    const value = condition[key];
    switch (key) {
      case "$and":
        return Array.isArray(value) ? every(value, one) : malformed(value);
      case "$or":
      case "$nor": {
        if (!Array.isArray(value)) return malformed(value);
        // GrowthBook: an empty $or passes, so an empty $nor fails.
        const found = value.length === 0 ? true : some(value, one);
        return key === "$or" ? found : not(found);
      }
      case "$not":
        return isObject(value) ? not(holds(value, lookup)) : malformed(value);
      case "$savedGroup":
        return undefined;
      default:
        return passes(lookup(key), value);
    }
  });
}

/**
 * Whether an attribute is as expected: it passes all operators, or equals the value.
 * @param {unknown} actual
 * @param {unknown} expected
 * @returns {Truth}
 */
function passes(actual, expected) {
  if (!isObject(expected)) return equals(actual, expected);
  const keys = Object.keys(expected);
  if (!keys.every((key) => key.startsWith("$"))) return equals(actual, expected);
  return every(keys, (operator) => test(operator, actual, expected[operator]));
}

/**
 * @param {string} operator
 * @param {unknown} actual
 * @param {any} expected
 * @returns {Truth}
 */
function test(operator, actual, expected) {
  switch (operator) {
    case "$eq":
      return is(actual, expected);
    case "$ne":
      return !is(actual, expected);
    case "$in":
    case "$ini":
      return Array.isArray(expected) && isIn(actual, expected, operator === "$ini");
    case "$nin":
    case "$nini":
      return Array.isArray(expected) && !isIn(actual, expected, operator === "$nini");
    case "$gt":
      return comparable(actual, expected) && actual > expected;
    case "$gte":
      return comparable(actual, expected) && actual >= expected;
    case "$lt":
      return comparable(actual, expected) && actual < expected;
    case "$lte":
      return comparable(actual, expected) && actual <= expected;
    case "$vgt":
      return comparable(actual, expected) && padded(actual) > padded(expected);
    case "$vgte":
      return comparable(actual, expected) && padded(actual) >= padded(expected);
    case "$vlt":
      return comparable(actual, expected) && padded(actual) < padded(expected);
    case "$vlte":
      return comparable(actual, expected) && padded(actual) <= padded(expected);
    case "$veq":
      return comparable(actual, expected) && padded(actual) === padded(expected);
    case "$vne":
      return !(comparable(actual, expected) && padded(actual) === padded(expected));
    case "$exists":
      return typeof expected !== "boolean" || expected === (actual !== null);
    case "$type":
      return expected === (actual === null ? "null" : Array.isArray(actual) ? "array" : typeof actual);
    case "$regex":
    case "$regexi":
      return matchesPattern(actual, expected, operator === "$regexi");
    case "$notRegex":
    case "$notRegexi":
      return !matchesPattern(actual, expected, operator === "$notRegexi");
    case "$size":
      return Array.isArray(actual) ? passes(actual.length, expected) : false;
    case "$all":
    case "$alli": {
      if (!Array.isArray(actual) || !Array.isArray(expected)) return false;
      const fold = operator === "$alli";
      return every(expected, (wanted) =>
        some(actual, (element) =>
          fold && typeof wanted === "string"
            ? typeof element === "string" && element.toLowerCase() === wanted.toLowerCase()
            : passes(element, wanted),
        ),
      );
    }
    case "$elemMatch":
      return anyElement(actual, expected);
    case "$not":
      return not(passes(actual, expected));
    case "$and":
    case "$or":
    case "$nor":
    case "$savedGroup":
    case "$savedGroups":
      return false;
    default:
      return undefined;
  }
}

/**
 * @param {unknown} actual
 * @param {unknown} expected
 */
function anyElement(actual, expected) {
  if (!Array.isArray(actual) || !isObject(expected)) return false;
  const keys = Object.keys(expected);
  const connects = (/** @type {string} */ key) => /^\$(n?or|and|savedGroup)$/.test(key);
  const operators = keys.every((key) => key.startsWith("$")) && !keys.some(connects);
  return some(
    actual.filter((element) => element !== null),
    (element) => (operators ? passes(element, expected) : holds(expected, (path) => find(element, path))),
  );
}

/**
 * The value at a path of keys with dots between them. A missing value is null.
 * @param {unknown} root
 * @param {string} path
 * @param {string} [unit]
 */
function find(root, path, unit) {
  let value = root;
  let first = true;
  for (const key of path.includes(".") ? path.split(".") : [path]) {
    if (first && unit !== undefined && key === "id") value = unit;
    else if (typeof value === "object" && value !== null && Object.hasOwn(value, key)) {
      value = /** @type {Members} */ (value)[key];
    } else return null;
    first = false;
  }
  return value ?? null;
}

/** @type {Map<string, RegExp | null>} */
const patterns = new Map();

/**
 * @param {unknown} actual
 * @param {unknown} pattern
 * @param {boolean} ignoreCase
 */
function matchesPattern(actual, pattern, ignoreCase) {
  if (typeof actual !== "string" || typeof pattern !== "string") return false;
  const key = (ignoreCase ? "i" : "-") + pattern;
  let compiled = patterns.get(key);
  if (compiled === undefined) {
    try {
      compiled = new RegExp(pattern, ignoreCase ? "iu" : "u");
    } catch {
      compiled = null;
    }
    patterns.set(key, compiled);
  }
  return compiled !== null && compiled.test(actual);
}

/**
 * @param {unknown} actual
 * @param {unknown[]} members
 * @param {boolean} ignoreCase
 */
function isIn(actual, members, ignoreCase) {
  const fold = (/** @type {unknown} */ value) =>
    ignoreCase && typeof value === "string" ? value.toLowerCase() : value;
  const contains = (/** @type {unknown} */ value) => members.some((member) => is(fold(value), fold(member)));
  return Array.isArray(actual) ? actual.some(contains) : contains(actual);
}

/**
 * Two numbers or two texts.
 * @param {unknown} actual
 * @param {unknown} expected
 * @returns {actual is any}
 */
function comparable(actual, expected) {
  return typeof actual === typeof expected && (typeof actual === "number" || typeof actual === "string");
}

/**
 * A version as a text that compares like the version.
 * @param {unknown} version
 */
function padded(version) {
  const parts = (String(version) || "0").replace(/^v/, "").replace(/\+[^]*$/, "").split(/[-.]/);
  // A release sorts after its pre-releases.
  if (parts.length === 3) parts.push("~");
  return parts.map((part) => (/^[0-9]+$/.test(part) ? part.padStart(5) : part)).join("-");
}

/** @param {unknown} actual @param {unknown} expected */
function is(actual, expected) {
  return actual === expected && (typeof actual !== "object" || actual === null);
}

/**
 * Equality of whole values, whatever the order of members.
 * @param {unknown} actual
 * @param {unknown} expected
 * @returns {boolean}
 */
function equals(actual, expected) {
  if (Array.isArray(actual) && Array.isArray(expected)) {
    return actual.length === expected.length && actual.every((value, index) => equals(value, expected[index]));
  }
  if (isObject(actual) && isObject(expected)) {
    const keys = Object.keys(expected);
    return (
      keys.length === Object.keys(actual).length &&
      keys.every((key) => Object.hasOwn(actual, key) && equals(actual[key], expected[key]))
    );
  }
  return is(actual, expected);
}

/** @param {unknown} value @returns {value is Members} */
function isObject(value) {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** @param {unknown} value @returns {Truth} */
function malformed(value) {
  return value === null ? undefined : false;
}

/** @param {Truth} truth @returns {Truth} */
function not(truth) {
  return truth === undefined ? undefined : !truth;
}

/**
 * One failure decides, wherever something unknown is.
 * @template T
 * @param {T[]} values
 * @param {(value: T) => Truth} truth
 */
function every(values, truth) {
  /** @type {Truth} */
  let result = true;
  for (const value of values) {
    const next = truth(value);
    if (next === false) return false;
    if (next === undefined) result = undefined;
  }
  return result;
}

/**
 * One success decides, wherever something unknown is.
 * @template T
 * @param {T[]} values
 * @param {(value: T) => Truth} truth
 */
function some(values, truth) {
  return not(every(values, (value) => not(truth(value))));
}
