// The pure parts of the page's editor: `node --test definition.test.mjs`.
import assert from "node:assert/strict"
import { test } from "node:test"
import * as members from "../../dashboard/definition/members.js"
import { announcement, sentences } from "../../dashboard/definition/sentences.js"
import { labels, pairs, parts, segments, writePairs, writeSegments } from "../../dashboard/definition/typed.js"

const definition = {
  variants: [{ name: "control" }, { name: "green" }], weights: { control: 50, green: 50 }, control: "control",
  overrides: { qa: "green" }, traffic: 10
}

test("what an operator writes has no server-owned and no empty members", () => {
  const document = { ...definition, version: 3, slots: [[0, 1000]], owner: null, tags: [], server_only: false, analysis: { level: 0.95, planned: null } }
  assert.deepEqual(members.written(document), { ...definition, analysis: { level: 0.95 } })
})

test("a renamed variant keeps its weight, its role and its overrides", () => {
  const renamed = members.renameVariant(definition, 1, "lime")
  assert.deepEqual(renamed.weights, { control: 50, lime: 50 })
  assert.deepEqual(renamed.overrides, { qa: "lime" })
  assert.equal(members.renameVariant(definition, 0, "old").control, "old")
})

test("a name that two variants share changes nothing else", () => {
  const twice = members.renameVariant(definition, 1, "control")
  assert.deepEqual(twice.weights, definition.weights)
  assert.equal(members.renameVariant(twice, 1, "green").control, "control")
})

test("of two people's changes both are kept, and mine wins where both changed a member", () => {
  const mine = { ...definition, traffic: 20, owner: "shop" }
  const theirs = { ...definition, traffic: 30, hypothesis: "Green sells." }
  assert.deepEqual(members.merge(definition, mine, theirs), {
    members: { ...definition, traffic: 20, owner: "shop", hypothesis: "Green sells." }, both: ["traffic"]
  })
  const { owner: _, ...withoutOwner } = mine
  assert.equal("owner" in members.merge(mine, withoutOwner, mine).members, false)
})

test("the order of keys is no difference", () => {
  assert.deepEqual(members.difference({ weights: { a: 1, b: 2 } }, { weights: { b: 2, a: 1 } }), {})
  assert.deepEqual(members.difference({ traffic: 1, version: 1 }, { traffic: 2, version: 2 }), { traffic: [1, 2] })
})

test("what is no number or no JSON stays as it was typed", () => {
  assert.equal(members.typedNumber(" 2.5 "), 2.5)
  assert.equal(members.typedNumber("abc"), "abc")
  assert.equal(members.typedNumber(""), "")
  assert.deepEqual(members.typedJson("{\"a\":1}"), { a: 1 })
  assert.equal(members.typedJson("{\"a\""), "{\"a\"")
})

test("a time survives the way through a date field", () => {
  assert.equal(members.fromField(members.toField("2026-12-01T09:00:00Z")), "2026-12-01T09:00:00.000Z")
  assert.equal(members.fromField(members.toField(null)), null)
})

test("the history is sentences", () => {
  const of = (changed) => sentences(changed)
  assert.deepEqual(of({
    variants: [null, definition.variants], status: [null, "draft"], traffic: [null, 10], goals: [null, [{ name: "signup" }]],
    owner: [null, null], tags: [null, []], weights: [null, { control: 1, green: 1 }], id: [null, "a"]
  }), ["Created as a draft with the variants control, green.", "Set the traffic to 10%.", "Added the goal signup."])
  assert.deepEqual(of({ status: ["draft", "running"], slots: [[], [[0, 1]]], allocation: [null, {}] }), ["Started."])
  assert.deepEqual(of({ status: ["paused", "running"] }), ["Resumed."])
  assert.deepEqual(of({ status: ["running", "completed"], winner: [null, "green"] }), ["Stopped. The winner is green."])
  assert.deepEqual(of({ status: ["archived", "completed"] }), ["Restored as completed."])
  assert.deepEqual(of({ weights: [{ a: 1, b: 1 }, { a: 1, b: 3 }] }), ["Changed the weights from a 1, b 1 to a 1, b 3."])
  assert.deepEqual(of({ owner: ["shop", null], hypothesis: [null, "Why?"] }), ["Removed the owner.", "Set the hypothesis to “Why?”."])
  assert.deepEqual(of({ variants: [[{ name: "a" }], [{ name: "a", payload: 1 }, { name: "\u202eb" }]] }),
    ["Added the variant \\u{202e}b.", "Changed the variant a."])
})

test("what visitors will see is said before a change", () => {
  const nothing = { entering: 0, leaving: 0, changing: 0 }
  const of = (changed, units = nothing, disturbances = []) =>
    announcement({ changed, units, disturbances, warnings: [], definition: { ...definition, fallback: "control", winner: "green" } })
  assert.deepEqual(of({ status: ["draft", "running"] }, { ...nothing, entering: 10 }),
    ["10% of all visitors take part and see control, green. The others see the fallback, control."])
  assert.deepEqual(of({ traffic: [20, 10] }, { ...nothing, leaving: 10 }, [{ sentence: "Some see the fallback." }]),
    ["10% of all visitors no longer take part. They see the fallback, control.", "Some see the fallback."])
  assert.deepEqual(of({ status: ["running", "completed"] }), ["All visitors see green from now on."])
  assert.deepEqual(of({ owner: [null, "shop"] }), [])
})

test("tables are typed as lines and written as they were typed", () => {
  const units = { "qa 1": "green", "a=b": "control" }
  assert.deepEqual(pairs("qa 1 = green\n\na=b = control\n"), units)
  assert.deepEqual(pairs(writePairs(units)), units)
  assert.deepEqual(labels("link = https://example.org/?a=b"), { link: "https://example.org/?a=b" })
  assert.deepEqual(labels("not finished"), { "not finished": "" })
  const values = { country: ["DE", "AT"], platform: ["web"] }
  assert.deepEqual(segments("country = DE, AT\nplatform=web"), values)
  assert.deepEqual(segments(writeSegments(values)), values)
  assert.deepEqual(parts(" a, b ,"), ["a", "b"])
})
