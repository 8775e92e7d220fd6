-- Stores the writes of a commit, or none of them.
-- KEYS[1]  the namespace's version, KEYS[2] the answer to this commit, if it ran before, KEYS[3] the
--          list of damaged records that were replaced; then for each write the hash of its kind and
--          its history.
-- ARGV     the version that the namespace must have, or nothing; how long the answer is kept, in
--          milliseconds; then for each write the name, what must be stored ("any", "absent", or a
--          version), "put" or "delete", the JSON, and the JSON of the history entry, or nothing.
-- A record in a hash is "VERSION JSON"; "VERSION" alone is the tombstone of a deleted document. One
-- that does not begin with a version is damaged. It counts as a document of version 0, and what was
-- stored goes to the list when it is replaced.
-- Returns  "done", the namespace's version and the version of each written document;
--          "outdated" and the namespace's version;
--          or "conflict", the number of the write, and the version found, or nothing.
-- A client whose connection breaks before the answer arrives sends the same commit again.
local answered = redis.call('LRANGE', KEYS[2], 0, -1)
if #answered > 0 then
  return answered
end

local version = tonumber(redis.call('GET', KEYS[1]) or 0)
if ARGV[1] ~= '' and tonumber(ARGV[1]) ~= version then
  return { 'outdated', string.format('%.0f', version) }
end

local writes = {}
for write = 0, (#ARGV - 2) / 5 - 1 do
  local at = 2 + 5 * write
  local name, expected = ARGV[at + 1], ARGV[at + 2]
  local record = redis.call('HGET', KEYS[4 + 2 * write], name) or '0'
  local number, space = string.match(record, '^(%d+)( ?)')
  local damaged = number == nil or #number > 16 or (space == '' and #number < #record)
  if damaged then
    number = '0'
  end
  local exists = damaged or space == ' '
  if (expected == 'absent' and exists)
      or (expected ~= 'absent' and expected ~= 'any' and not (exists and expected == number)) then
    return { 'conflict', tostring(write), exists and number or '' }
  end
  writes[write + 1] = {
    kind = KEYS[4 + 2 * write],
    history = KEYS[5 + 2 * write],
    damaged = damaged and record,
    name = name,
    number = number,
    put = ARGV[at + 3] == 'put',
    changes = ARGV[at + 3] == 'put' or exists,
    content = ARGV[at + 4],
    entry = ARGV[at + 5],
  }
end

local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
local at = string.format('%.0f', now)
local answer = { 'done', '' }
for position, write in ipairs(writes) do
  local number = write.number
  if write.changes then
    if write.damaged then
      redis.call('RPUSH', KEYS[3], write.kind .. ' ' .. write.name .. ' ' .. at .. ' ' .. write.damaged)
    end
    number = string.format('%.0f', tonumber(number) + 1)
    redis.call('HSET', write.kind, write.name, write.put and number .. ' ' .. write.content or number)
    if write.entry ~= '' then
      redis.call('RPUSH', write.history, number .. ' ' .. at .. ' ' .. write.entry)
    end
  end
  answer[position + 2] = number
end
if #writes == 0 then
  answer[2] = string.format('%.0f', version)
  return answer
end
answer[2] = string.format('%.0f', math.max(version + 1, now))
redis.call('SET', KEYS[1], answer[2])
for _, word in ipairs(answer) do
  redis.call('RPUSH', KEYS[2], word)
end
redis.call('PEXPIRE', KEYS[2], ARGV[2])
return answer
