-- Removes closed counters of an experiment from the registry, and the experiment when it has none left.
-- The counters are listed in KEYS[5] until their keys are removed.
-- KEYS[1]  the registry of namespaces, KEYS[2] the namespace's experiments, KEYS[3] how many
--          counters they have, KEYS[4] the experiment's counters, KEYS[5] what is to be removed,
--          KEYS[6] the mark of an unfinished import, KEYS[7] the experiment's ledgers.
-- ARGV     the namespace, the experiment, both as KEYS[5] has them, and "all" or "some"; then the ids of
--          the closed counters and ledgers.
-- Returns  "open" if "all" is asked for and a counter is not closed; then nothing is removed. Else
--          "removed" if there were counters, or some were not removed completely, or "nothing".
local closed, counters = {}, {}
for position = 5, #ARGV do
  closed[ARGV[position]] = true
end
local registered = redis.call('HGETALL', KEYS[4])
for position = 1, #registered, 2 do
  local name, id = registered[position], string.sub(registered[position + 1], 1, 16)
  if closed[id] then
    counters[#counters + 1] = { name, id }
  elseif ARGV[4] == 'all' then
    return 'open'
  end
end
local ledgers = redis.call('HGETALL', KEYS[7])
for position = 2, #ledgers, 2 do
  if ARGV[4] == 'all' and not closed[string.sub(ledgers[position], 1, 16)] then
    return 'open'
  end
end
for position = 1, #ledgers, 2 do
  local id = string.sub(ledgers[position + 1], 1, 16)
  if closed[id] then
    redis.call('HDEL', KEYS[7], ledgers[position])
    redis.call('HSET', KEYS[5], id, ARGV[3])
  end
end
for _, counter in ipairs(counters) do
  redis.call('HDEL', KEYS[4], counter[1])
  redis.call('HSET', KEYS[5], counter[2], ARGV[3])
end
if ARGV[4] == 'all' then
  redis.call('DEL', KEYS[6])
end
redis.call('DECRBY', KEYS[3], #counters)
if redis.call('EXISTS', KEYS[4]) == 0 then
  redis.call('SREM', KEYS[2], ARGV[2])
end
if redis.call('EXISTS', KEYS[2]) == 0 then
  redis.call('SREM', KEYS[1], ARGV[1])
  redis.call('DEL', KEYS[3])
end
if #counters > 0 then
  return 'removed'
end
for _, experiment in ipairs(redis.call('HVALS', KEYS[5])) do
  if experiment == ARGV[3] then
    return 'removed'
  end
end
return 'nothing'
