-- Deletes an experiment's HyperLogLogs, under every spelling of its name.
-- KEYS[1]  the registry of namespaces, KEYS[2] the namespace's experiments, KEYS[3] the
--          namespace's counters; then the set of the experiment's counters for each spelling.
-- ARGV[1]  the namespace; then the spellings of the experiment's name.
-- Returns  1 if the experiment was there, else 0.
local found = 0
for form = 1, #ARGV - 1 do
  local own_counters = KEYS[3 + form]
  for _, counter in ipairs(redis.call('SMEMBERS', own_counters)) do
    redis.call('SREM', KEYS[3], counter)
    redis.call('UNLINK', counter, 'abtest:days:' .. counter, 'abtest:allocations:' .. counter)
    found = 1
  end
  redis.call('DEL', own_counters)
  if redis.call('SREM', KEYS[2], ARGV[1 + form]) == 1 then
    found = 1
  end
end
if redis.call('EXISTS', KEYS[2]) == 0 then
  redis.call('SREM', KEYS[1], ARGV[1])
end
return found
