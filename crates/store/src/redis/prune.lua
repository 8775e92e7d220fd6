-- Deletes some HyperLogLogs of an experiment.
-- KEYS[1]  the registry of namespaces, KEYS[2] the namespace's experiments, KEYS[3] the
--          namespace's counters; then the set of the experiment's counters for each spelling of its
--          name; then the counters to delete.
-- ARGV     the namespace; then the spellings of the experiment's name.
-- Returns  how many of the counters were there.
local spellings = #ARGV - 1
local found = 0
for position = 4 + spellings, #KEYS do
  local counter = KEYS[position]
  found = found + redis.call('SREM', KEYS[3], counter)
  for spelling = 1, spellings do
    redis.call('SREM', KEYS[3 + spelling], counter)
  end
  redis.call('UNLINK', counter, 'abtest:days:' .. counter, 'abtest:allocations:' .. counter)
end
for spelling = 1, spellings do
  if redis.call('EXISTS', KEYS[3 + spelling]) == 0 then
    redis.call('SREM', KEYS[2], ARGV[1 + spelling])
  end
end
if redis.call('EXISTS', KEYS[2]) == 0 then
  redis.call('SREM', KEYS[1], ARGV[1])
end
return found
