-- Finds a counter of an exact experiment, or registers it. A counter that a deletion closed and then left
-- registered, because it was cut off, is replaced.
-- KEYS[1]  the registry of namespaces, KEYS[2] the namespace's experiments, KEYS[3] how many
--          counters they have, KEYS[4] the experiment's counters, KEYS[5] what is left of the limits
--          per hour, KEYS[6] what is to be removed. If there may be HyperLogLogs too: KEYS[7] their
--          namespaces, KEYS[8] their experiments, KEYS[9] their counters.
-- ARGV     the limits (namespaces, experiments, counters, counters per experiment; per hour:
--          namespaces, experiments, counters), 1 if an experiment may begin, which limits do not
--          apply, the namespace, the experiment, the counter, what it gets if it is new, the id that
--          is replaced or nothing, and the experiment as KEYS[6] has it; then every spelling of the
--          experiment that KEYS[8] may hold.
-- Returns  "exact" and what the counter has; "hll" if the experiment is estimated; or the limit.
local limits = {
  namespaces = tonumber(ARGV[1]),
  experiments = tonumber(ARGV[2]),
  counters = tonumber(ARGV[3]),
  counters_per_experiment = tonumber(ARGV[4]),
  namespaces_per_hour = tonumber(ARGV[5]),
  experiments_per_hour = tonumber(ARGV[6]),
  counters_per_hour = tonumber(ARGV[7]),
}
local may_begin, exempt = ARGV[8] == '1', ARGV[9]
local namespace, experiment, counter, fresh = ARGV[10], ARGV[11], ARGV[12], ARGV[13]

local known = redis.call('HGET', KEYS[4], counter)
if known and string.sub(known, 1, 16) == ARGV[14] then
  redis.call('HSET', KEYS[6], ARGV[14], ARGV[15])
  redis.call('HSET', KEYS[4], counter, fresh)
  return { 'exact', fresh }
end
if known then
  return { 'exact', known }
end

local estimated = #KEYS > 6
local experiments = redis.call('SCARD', KEYS[2])
local counters = tonumber(redis.call('GET', KEYS[3]) or 0)
if estimated then
  for spelling = 16, #ARGV do
    if redis.call('SISMEMBER', KEYS[8], ARGV[spelling]) == 1 then
      return { 'hll' }
    end
  end
  experiments = experiments + redis.call('SCARD', KEYS[8])
  counters = counters + redis.call('SCARD', KEYS[9])
end
local begun = redis.call('SISMEMBER', KEYS[2], experiment) == 1
if not begun and not may_begin then
  return { 'hll' }
end
if redis.call('HLEN', KEYS[4]) >= limits.counters_per_experiment then
  return { 'counters_per_experiment' }
end
local refused, used = check_new_names({
  limits = limits,
  hash = KEYS[5],
  exempt = exempt,
  namespace = namespace,
  is_new_namespace = experiments == 0 and redis.call('SISMEMBER', KEYS[1], namespace) == 0,
  namespaces = function()
    if estimated then
      return #redis.call('SUNION', KEYS[1], KEYS[7])
    end
    return redis.call('SCARD', KEYS[1])
  end,
  is_new_experiment = not begun,
  experiments = experiments,
  counters = counters,
})
if refused then
  return { refused }
end
use_up(KEYS[5], used)
redis.call('SADD', KEYS[1], namespace)
redis.call('SADD', KEYS[2], experiment)
redis.call('INCR', KEYS[3])
redis.call('HSET', KEYS[4], counter, fresh)
return { 'exact', fresh }
