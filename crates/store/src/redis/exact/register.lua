-- Finds a counter of an exact experiment, or registers it.
-- KEYS[1]  the registry of namespaces, KEYS[2] the namespace's experiments, KEYS[3] how many
--          counters they have, KEYS[4] the experiment's counters. If there may be HyperLogLogs
--          too: KEYS[5] their namespaces, KEYS[6] their experiments, KEYS[7] their counters.
-- ARGV     the limits (namespaces, experiments, counters, counters per experiment), the
--          namespace, the experiment, the counter, what it gets if it is new, and 1 if an
--          experiment may begin; then every spelling of the experiment that KEYS[6] may hold.
-- Returns  "exact" and what the counter has; "hll" if the experiment is estimated; or the limit.
local limits = {
  namespaces = tonumber(ARGV[1]),
  experiments = tonumber(ARGV[2]),
  counters = tonumber(ARGV[3]),
  counters_per_experiment = tonumber(ARGV[4]),
}
local namespace, experiment, counter, fresh = ARGV[5], ARGV[6], ARGV[7], ARGV[8]

local known = redis.call('HGET', KEYS[4], counter)
if known then
  return { 'exact', known }
end

local estimated = #KEYS > 4
local experiments = redis.call('SCARD', KEYS[2])
local counters = tonumber(redis.call('GET', KEYS[3]) or 0)
if estimated then
  for spelling = 10, #ARGV do
    if redis.call('SISMEMBER', KEYS[6], ARGV[spelling]) == 1 then
      return { 'hll' }
    end
  end
  experiments = experiments + redis.call('SCARD', KEYS[6])
  counters = counters + redis.call('SCARD', KEYS[7])
end
local begun = redis.call('SISMEMBER', KEYS[2], experiment) == 1
if not begun and ARGV[9] ~= '1' then
  return { 'hll' }
end
if experiments == 0 and redis.call('SISMEMBER', KEYS[1], namespace) == 0 then
  local namespaces = redis.call('SCARD', KEYS[1])
  if estimated then
    namespaces = #redis.call('SUNION', KEYS[1], KEYS[5])
  end
  if namespaces >= limits.namespaces then
    return { 'namespaces' }
  end
end
if not begun and experiments >= limits.experiments then
  return { 'experiments' }
end
if counters >= limits.counters then
  return { 'counters' }
end
if redis.call('HLEN', KEYS[4]) >= limits.counters_per_experiment then
  return { 'counters_per_experiment' }
end
redis.call('SADD', KEYS[1], namespace)
redis.call('SADD', KEYS[2], experiment)
redis.call('INCR', KEYS[3])
redis.call('HSET', KEYS[4], counter, fresh)
return { 'exact', fresh }
