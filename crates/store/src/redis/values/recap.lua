-- Makes the sums of a ledger anew with another cap, some buckets in each run. It follows `sums.lua`.
-- Events are added meanwhile: to the old sums, and to the new ones if their unit's bucket was visited.
-- KEYS[1]  the state of the ledger; then the next buckets.
-- ARGV     the cap, or nothing; where the first of these buckets is (its level and path with a colon
--          between); and the same of the bucket that follows the last one.
-- Returns  where to continue; "done" when all levels in use were visited; "gone" if there is no ledger.
local cap, from, to = ARGV[1], ARGV[2], ARGV[3]
local state = redis.call('HMGET', KEYS[1], 'records', 'deepest', 'cap', 'recap', 'cursor')
if not state[1] then
  return 'gone'
end
local function with_sums(kind, each)
  for _, field in ipairs(redis.call('HKEYS', KEYS[1])) do
    if string.sub(field, 1, 2) == kind then
      each(field)
    end
  end
end
if not state[5] or state[4] ~= cap then
  if (state[3] or '') == cap and not state[5] and from ~= 'anew' then
    return 'done'
  end
  with_sums('r:', function(field) redis.call('HDEL', KEYS[1], field) end)
  redis.call('HSET', KEYS[1], 'recap', cap, 'cursor', '0:')
  state[5] = '0:'
end
-- Another process is ahead, or this is the first run.
if state[5] ~= from then
  return state[5]
end
for bucket = 2, #KEYS do
  local records = redis.call('HVALS', KEYS[bucket])
  for _, record in ipairs(records) do
    local unit = read_unit(record)
    if unit and redis.call('HEXISTS', KEYS[1], 'n:' .. unit.variant) == 1 then
      replace('r:', unit.variant, unit.allocation, nil, unit.total, tonumber(cap))
    end
  end
end
write_sums(KEYS[1])
if tonumber(string.match(to, '^(%d+):')) <= tonumber(state[2]) then
  redis.call('HSET', KEYS[1], 'cursor', to)
  return to
end
with_sums('t:', function(field) redis.call('HDEL', KEYS[1], field) end)
with_sums('r:', function(field)
  redis.call('HSET', KEYS[1], 't:' .. string.sub(field, 3), redis.call('HGET', KEYS[1], field))
  redis.call('HDEL', KEYS[1], field)
end)
redis.call('HDEL', KEYS[1], 'recap', 'cursor')
if cap == '' then
  redis.call('HDEL', KEYS[1], 'cap')
else
  redis.call('HSET', KEYS[1], 'cap', cap)
end
return 'done'
