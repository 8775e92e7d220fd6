-- Counts uuids into one counter. `layout.rs` describes the keys.
-- KEYS[1]  the counter's state; then for each uuid its buckets, from level 0 on.
-- ARGV     how many levels are declared, the last level, the members of level 0, the bytes of a
--          full group, and 1 to begin a counter that has no state; then for each uuid the group,
--          the mark, and the allocation or nothing.
-- Returns  the deepest level in use; -1 if the counter does not exist, -2 if more levels must be
--          declared, -3 if the counter is closed. It is always safe to send everything again.
local declared, last = tonumber(ARGV[1]), tonumber(ARGV[2])
local first, full, may_begin = tonumber(ARGV[3]), tonumber(ARGV[4]), ARGV[5] == '1'

-- Raises an error as a table in every version of Redis (7's redis.call does, 6's does not).
local function call(...)
  local reply = redis.pcall(...)
  if type(reply) == 'table' and reply.err then
    error(reply)
  end
  return reply
end

local function holds(group, mark)
  local from = 1
  while true do
    local at = string.find(group, mark, from, true)
    if not at then
      return false
    end
    if (at - 1) % #mark == 0 then
      return true
    end
    from = at + 1
  end
end

local function level_of(count)
  local level, limit = 0, first
  while count >= limit and level < last do
    level, limit = level + 1, limit * 32
  end
  return level
end

local state = redis.call('HMGET', KEYS[1], 'count', 'deepest', 'deleted')
local count, deepest = tonumber(state[1]), tonumber(state[2])
if state[3] then
  return -3
end
if not count then
  if not may_begin then
    return -1
  end
  count, deepest = 0, 0
  redis.call('HSET', KEYS[1], 'count', 0, 'deepest', 0)
  -- Marks without a state: the state was deleted, for example when the memory was full.
  for bucket = 2, 1 + declared do
    if redis.call('EXISTS', KEYS[bucket]) == 1 then
      redis.call('HSET', KEYS[1], 'lost', 1)
    end
  end
end

local before = count

-- How many of the uuids that joined state each allocation.
local allocations = {}

-- Looks for a mark in a bucket. The marks of a full group continue in the next group.
-- Returns true if it is there; else false, the group that has room, and what it holds.
local function find(bucket, group, mark)
  for next = group, group + 127 do
    local field = next % 128
    local marks = call('HGET', bucket, field)
    if not marks then
      return false, field, ''
    end
    if holds(marks, mark) then
      return true
    end
    if #marks < full then
      return false, field, marks
    end
  end
  return false, group, call('HGET', bucket, group)
end

-- Whether the declared levels were enough.
local function add(position)
  local group, mark = tonumber(ARGV[6 + 3 * position]), ARGV[7 + 3 * position]
  local allocation = ARGV[8 + 3 * position]
  local bucket = 2 + declared * position
  local level = level_of(count)
  if level >= declared then
    return false
  end
  -- Most marks of a large counter are on its last levels, so these are searched first.
  local field, marks
  for lower = level, 0, -1 do
    local found, room, there = find(KEYS[bucket + lower], group, mark)
    if found then
      return true
    end
    if lower == level then
      field, marks = room, there
    end
  end
  call('HSET', KEYS[bucket + level], field, marks .. mark)
  count = count + 1
  if allocation ~= '' then
    allocations[allocation] = (allocations[allocation] or 0) + 1
  end
  if level > deepest then
    deepest = level
  end
  return true
end

local enough, failure = true, nil
for position = 0, (#ARGV - 5) / 3 - 1 do
  local finished, outcome = pcall(add, position)
  if not finished then
    failure = outcome
    break
  end
  enough = outcome
  if not enough then
    break
  end
end

-- The uuids that joined are counted, even if a later one failed.
if count > before then
  local today = math.floor(tonumber(redis.call('TIME')[1]) / 86400)
  redis.call('HSET', KEYS[1], 'count', count, 'deepest', deepest)
  redis.call('HINCRBY', KEYS[1], today, count - before)
  for allocation, joined in pairs(allocations) do
    redis.call('HINCRBY', KEYS[1], 'a:' .. allocation, joined)
  end
end
if failure then
  return { err = type(failure) == 'table' and failure.err or tostring(failure) }
end
return enough and deepest or -2
