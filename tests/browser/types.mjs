// Compares the types in dashboard/types.js with the schemas in an openapi.json: `node types.mjs FILE`. Prints one line
// per difference, and then fails.
import { readFileSync } from "node:fs"
import { fileURLToPath } from "node:url"
import ts from "typescript"

/** The types, and where openapi.json describes the same. */
const SCHEMAS = [
  ["Experiment", (paths) => schemaOf(paths["/experiments/{experiment}"].get)],
  // The first element of the list is Gimel's `{meta}`.
  ["Experiment", (paths) => resolve(schemaOf(paths["/experiments"].get).items).oneOf.find((schema) => !("meta" in members(schema)))],
  ["Edited", (paths) => schemaOf(paths["/experiments/{experiment}/definition"].put)],
  ["HistoryChange", (paths) => schemaOf(paths["/experiments/{experiment}/history"].get).items],
  ["Settings", (paths) => schemaOf(paths["/settings"].get)]
]

const { paths, components } = JSON.parse(readFileSync(process.argv[2], "utf8"))
const file = fileURLToPath(new URL("../../dashboard/types.js", import.meta.url))
const program = ts.createProgram([file], { allowJs: true, checkJs: true, noEmit: true, strict: true, target: ts.ScriptTarget.ESNext, types: [] })
const checker = program.getTypeChecker()
const types = checker.getExportsOfModule(checker.getSymbolAtLocation(program.getSourceFile(file)))

const differences = SCHEMAS.flatMap(([type, find]) =>
  compare(type, find(paths), checker.getDeclaredTypeOfSymbol(types.find(({ name }) => name === type))))
for (const line of new Set(differences)) console.log(line)
process.exitCode = differences.length > 0 ? 1 : 0

/** The schema of an endpoint's answer. */
function schemaOf({ responses }) {
  return responses["200"].content["application/json"].schema
}

/** The differences between a schema and a type, one line each. */
function compare(path, schema, type) {
  const [wanted, found] = [describeSchema(schema), describeType(type)]
  if (wanted.kind !== found.kind) return [`${path}: ${wanted.kind} in openapi.json, ${found.kind} in types.js`]
  const nullable = wanted.nullable === found.nullable ? [] : [`${path}: can be null only in ${wanted.nullable ? "openapi.json" : "types.js"}`]
  switch (wanted.kind) {
    case "array": return [...nullable, ...compare(`${path}[]`, wanted.items, found.items)]
    case "object": {
      // A document that has a JSON Schema of its own: openapi.json lists no members of it.
      const isOpen = Object.keys(wanted.members).length === 0
      return isOpen ? nullable : [...nullable, ...compareMembers(path, wanted.members, found.members)]
    }
    default: return nullable
  }
}

function compareMembers(path, wanted, found) {
  return [...new Set([...Object.keys(wanted), ...Object.keys(found)])].flatMap((name) => {
    const member = `${path}.${name}`
    if (!(name in found)) return [`${member}: only in openapi.json`]
    if (!(name in wanted)) return [`${member}: only in types.js`]
    const lines = compare(member, wanted[name].schema, found[name].type)
    // A member that can be null is always sent, though openapi.json does not require it.
    const either = wanted[name].optional && describeSchema(wanted[name].schema).nullable
    const required = (optional) => (optional ? "optional" : "required")
    if (!either && wanted[name].optional !== found[name].optional) {
      lines.push(`${member}: ${required(wanted[name].optional)} in openapi.json, ${required(found[name].optional)} in types.js`)
    }
    return lines
  })
}

/** A schema without references, as `{kind, nullable}` with its items or members. */
function describeSchema(schema) {
  const plain = resolve(schema)
  if (plain.oneOf) {
    const others = plain.oneOf.filter(({ type }) => type !== "null")
    if (others.length === 1) return { ...describeSchema(others[0]), nullable: true }
  }
  const types = [plain.type ?? (plain.properties || plain.allOf ? "object" : plain.enum ? "string" : "unknown")].flat()
  const nullable = types.includes("null")
  const type = types.find((one) => one !== "null")
  if (plain.enum) return { kind: plain.enum.map((value) => JSON.stringify(value)).toSorted().join(" | "), nullable }
  if (type === "array") return { kind: "array", nullable, items: plain.items }
  if (type === "object") {
    const required = requiredMembers(plain)
    const described = Object.entries(members(plain)).map(([name, member]) => [name, { schema: member, optional: !required.has(name) }])
    return { kind: "object", nullable, members: Object.fromEntries(described) }
  }
  return { kind: type === "integer" ? "number" : type, nullable }
}

/** Follows references. */
function resolve(schema) {
  const reference = schema.$ref?.replace("#/components/schemas/", "")
  return reference === undefined ? schema : resolve(components.schemas[reference])
}

/** The members of an object, also of its parts. */
function members(schema) {
  const { allOf = [], properties = {} } = resolve(schema)
  return Object.assign({}, ...allOf.map(members), properties)
}

function requiredMembers(schema) {
  const { allOf = [], required = [] } = resolve(schema)
  return new Set([...required, ...allOf.flatMap((part) => [...requiredMembers(part)])])
}

/** A type in the terms of `describeSchema`. */
function describeType(type) {
  const parts = type.isUnion() ? type.types : [type]
  const has = (flag) => parts.some(({ flags }) => flags & flag)
  const nullable = has(ts.TypeFlags.Null)
  const others = parts.filter(({ flags }) => !(flags & (ts.TypeFlags.Null | ts.TypeFlags.Undefined)))
  if (others.every(({ flags }) => flags & ts.TypeFlags.StringLiteral)) {
    return { kind: others.map(({ value }) => JSON.stringify(value)).toSorted().join(" | "), nullable }
  }
  if (others.every(({ flags }) => flags & ts.TypeFlags.BooleanLike)) return { kind: "boolean", nullable }
  const [one] = others
  if (others.length > 1) return { kind: checker.typeToString(type), nullable }
  if (one.flags & ts.TypeFlags.Object && checker.isArrayType(one)) return { kind: "array", nullable, items: checker.getTypeArguments(one)[0] }
  if (one.flags & ts.TypeFlags.NonPrimitive) return { kind: "object", nullable, members: {} }
  if (one.flags & (ts.TypeFlags.Object | ts.TypeFlags.Intersection)) {
    const described = checker.getPropertiesOfType(one).map((symbol) =>
      [symbol.name, { type: checker.getTypeOfSymbol(symbol), optional: (symbol.flags & ts.SymbolFlags.Optional) !== 0 }])
    return { kind: "object", nullable, members: Object.fromEntries(described) }
  }
  return { kind: checker.typeToString(one), nullable }
}
