-- Publishes the staged HyperLogLogs of an experiment at once.
-- KEYS[1]  the mark of an unfinished import, KEYS[2] the registry of namespaces, KEYS[3] that of exactly
--          counted ones, KEYS[4] the namespace's experiments, KEYS[5] the exactly counted ones,
--          KEYS[6] the namespace's counters, KEYS[7] how many counters the exact ones have, KEYS[8] the
--          experiment's counters, KEYS[9] its ledgers, KEYS[10] when each import was last active,
--          KEYS[11] the ids of the ledgers that this import has staged; then for each counter its key, its estimates at the beginning of each
--          day, its numbers by allocation, and these three as they are staged.
-- ARGV     the limits (namespaces, experiments, counters, counters per experiment), the namespace, the
--          experiment, the digest of the export, the seconds after which the mark is gone, and the import;
--          then for each ledger its goal and what it gets.
-- Returns  "published", "exists", "expired" if something staged is gone, or the limit.
local new = 0
for key = 12, #KEYS, 6 do
  if redis.call('EXISTS', KEYS[key + 3], KEYS[key + 4]) < 2 then
    return 'expired'
  end
  if redis.call('SISMEMBER', KEYS[6], KEYS[key]) == 0 then
    new = new + 1
  end
end
if redis.call('SISMEMBER', KEYS[5], experiment) == 1 then
  return 'exists'
end
if redis.call('HEXISTS', KEYS[10], ARGV[9]) == 0 then
  return 'expired'
end
for position = 10, #ARGV, 2 do
  if redis.call('HEXISTS', KEYS[9], ARGV[position]) == 1 then
    return 'exists'
  end
end
local refused = refused_by({
  exact = { namespaces = KEYS[3], experiments = KEYS[5], counters = KEYS[7] },
  estimated = { namespaces = KEYS[2], experiments = KEYS[4], counters = KEYS[6] },
  is_begun = redis.call('SISMEMBER', KEYS[4], experiment) == 1,
  own = redis.call('SCARD', KEYS[8]),
  new = new,
})
if refused then
  return refused
end

local today = math.floor(tonumber(redis.call('TIME')[1]) / 86400)
for key = 12, #KEYS, 6 do
  local counter, days, allocations = KEYS[key], KEYS[key + 1], KEYS[key + 2]
  local staged, staged_days, staged_allocations = KEYS[key + 3], KEYS[key + 4], KEYS[key + 5]
  local is_counted = redis.call('EXISTS', counter) == 1
  if not is_counted then
    -- What is left of a counter that Gimel deleted.
    redis.call('DEL', days, allocations)
  end
  local begins = redis.call('HGETALL', staged_days)
  redis.call('HSET', days, unpack(begins))
  -- What visitors added today, while the import ran, began from what is imported.
  if is_counted and redis.call('HEXISTS', staged_days, today) == 0 then
    redis.call('HSET', days, today, redis.call('PFCOUNT', staged))
  end
  redis.call('PFMERGE', counter, staged)
  redis.call('SADD', KEYS[8], counter)
  redis.call('SADD', KEYS[6], counter)
  local stated = redis.call('HGETALL', staged_allocations)
  for position = 1, #stated, 2 do
    redis.call('HINCRBYFLOAT', allocations, stated[position], stated[position + 1])
  end
  redis.call('UNLINK', staged, staged_days, staged_allocations)
end
if #KEYS > 11 then
  redis.call('SADD', KEYS[2], namespace)
  redis.call('SADD', KEYS[4], experiment)
end
for position = 10, #ARGV, 2 do
  redis.call('HSET', KEYS[9], ARGV[position], ARGV[position + 1])
end
redis.call('HDEL', KEYS[10], ARGV[9])
redis.call('DEL', KEYS[11])
redis.call('SET', KEYS[1], ARGV[7], 'EX', ARGV[8])
return 'published'
