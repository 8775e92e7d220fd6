-- Records a batch of events in one round trip, one after another and each for itself.
-- KEYS[1]  the registry of namespaces, KEYS[2] that of exactly counted ones; then for each event
--          the namespace's experiments, the namespace's counters, the experiment's counters,
--          the counter, what it held when its days began, the namespace's
--          exactly counted experiments, and how many counters these have.
-- ARGV     the limits (namespaces, experiments, counters, counters per experiment), and 1 if an
--          experiment may begin; then for each event the namespace, the experiment and the uuid.
-- Returns  for each event "stored", the limit that refused it, "exact" if its experiment is
--          counted so, or "wrong_type". Any other error
--          is the whole batch's: nothing of it is acknowledged, and it can be sent again.
local limits = {
  namespaces = tonumber(ARGV[1]),
  experiments = tonumber(ARGV[2]),
  counters = tonumber(ARGV[3]),
  counters_per_experiment = tonumber(ARGV[4]),
}
local may_begin = ARGV[5] == '1'

-- Raises an error as a table in every version of Redis (7's redis.call does, 6's does not).
local function call(...)
  local reply = redis.pcall(...)
  if type(reply) == 'table' and reply.err then
    error(reply)
  end
  return reply
end

-- The UTC day, as days since 1970.
local today = math.floor(tonumber(call('TIME')[1]) / 86400)

-- Adds a uuid. With the first one of a day that changes the estimate, the estimate until then is
-- noted: so a day costs a few bytes and one PFCOUNT, and duplicates cost nothing.
local function add(counter, days, uuid)
  if call('PFADD', counter, uuid) == 1 and call('HSETNX', days, today, 0) == 1 then
    call('HSET', days, today, call('PFCOUNT', counter) - 1)
  end
end

local function register(key, namespace, experiment, uuid)
  local experiments, counters, own_counters = KEYS[key + 1], KEYS[key + 2], KEYS[key + 3]
  local counter, days = KEYS[key + 4], KEYS[key + 5]
  local begun = call('SISMEMBER', experiments, experiment) == 1
  if call('SISMEMBER', KEYS[key + 6], experiment) == 1 or not (begun or may_begin) then
    return 'exact'
  end
  local known = call('SCARD', experiments) + call('SCARD', KEYS[key + 6])
  -- A namespace with experiments that is not in the registry is Gimel's: it was here first.
  if known == 0 and call('SISMEMBER', KEYS[1], namespace) == 0
      and #call('SUNION', KEYS[1], KEYS[2]) >= limits.namespaces then
    return 'namespaces'
  end
  if not begun and known >= limits.experiments then
    return 'experiments'
  end
  local exactly = tonumber(call('GET', KEYS[key + 7]) or 0)
  if call('SCARD', counters) + exactly >= limits.counters then
    return 'counters'
  end
  if call('SCARD', own_counters) >= limits.counters_per_experiment then
    return 'counters_per_experiment'
  end
  -- Gimel may have deleted the counter, and does not know of its days.
  call('DEL', days)
  call('HSET', days, today, 0)
  call('PFADD', counter, uuid)
  call('SADD', KEYS[1], namespace)
  call('SADD', experiments, experiment)
  call('SADD', own_counters, counter)
  call('SADD', counters, counter)
  return 'stored'
end

local function record(event)
  local key, argument = 2 + 7 * event, 5 + 3 * event
  local counters, counter, days = KEYS[key + 2], KEYS[key + 4], KEYS[key + 5]
  if call('SISMEMBER', counters, counter) == 0 then
    return register(key, ARGV[argument + 1], ARGV[argument + 2], ARGV[argument + 3])
  end
  add(counter, days, ARGV[argument + 3])
  return 'stored'
end

local outcomes = {}
for event = 0, (#KEYS - 2) / 7 - 1 do
  local finished, outcome = pcall(record, event)
  if not finished then
    -- Some versions of Redis hand the table through, some its text.
    local message = type(outcome) == 'table' and outcome.err or tostring(outcome)
    if string.sub(message, 1, 9) ~= 'WRONGTYPE' then
      return { err = message }
    end
    outcome = 'wrong_type'
  end
  outcomes[event + 1] = outcome
end
return outcomes
