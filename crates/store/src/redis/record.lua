-- Records a batch of events in one round trip. An event that fails does not affect the others.
-- KEYS[1]  the registry of namespaces, KEYS[2] the registry of exactly counted ones; then for each
--          event the namespace's experiments, the namespace's counters, the counter, its estimates
--          at the beginning of each day, the namespace's exactly counted experiments, how many
--          counters these have, and the experiment's counters under each spelling of its name.
-- ARGV     the limits (namespaces, experiments, counters, counters per experiment), and 1 if an
--          experiment may begin; then for each event the namespace, the uuid, the number of
--          spellings, and each spelling of the experiment, abtest's first.
-- Returns  for each event "stored", the limit that refused it, "exact" if its experiment is
--          counted exactly, or "wrong_type". Any other error fails the whole batch: nothing of it
--          is acknowledged, and it can be sent again.
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

-- Adds a uuid. The first one of a day that changes the estimate stores the estimate before it: a
-- day costs a few bytes and one PFCOUNT, and duplicates cost nothing.
local function add(counter, days, uuid)
  if call('PFADD', counter, uuid) == 1 and call('HSETNX', days, today, 0) == 1 then
    call('HSET', days, today, call('PFCOUNT', counter) - 1)
  end
end

-- Whether the experiment is there, under any spelling of its name.
local function is_begun(event)
  for spelling = 1, event.spellings do
    if call('SISMEMBER', KEYS[event.key + 1], ARGV[event.argument + 3 + spelling]) == 1 then
      return true
    end
  end
  return false
end

-- How many counters the experiment has under all spellings of its name.
local function own_counters(event)
  local counters = 0
  for spelling = 1, event.spellings do
    counters = counters + call('SCARD', KEYS[event.key + 6 + spelling])
  end
  return counters
end

local function register(event)
  local key = event.key
  local experiments, counters, counter, days = KEYS[key + 1], KEYS[key + 2], KEYS[key + 3], KEYS[key + 4]
  local namespace, uuid = ARGV[event.argument + 1], ARGV[event.argument + 2]
  local experiment = ARGV[event.argument + 4]
  local begun = is_begun(event)
  if call('SISMEMBER', KEYS[key + 5], experiment) == 1 or not (begun or may_begin) then
    return 'exact'
  end
  local known = call('SCARD', experiments) + call('SCARD', KEYS[key + 5])
  -- A namespace with experiments that is not in the registry is Gimel's: it was here first.
  if known == 0 and call('SISMEMBER', KEYS[1], namespace) == 0
      and #call('SUNION', KEYS[1], KEYS[2]) >= limits.namespaces then
    return 'namespaces'
  end
  if not begun and known >= limits.experiments then
    return 'experiments'
  end
  local exactly = tonumber(call('GET', KEYS[key + 6]) or 0)
  if call('SCARD', counters) + exactly >= limits.counters then
    return 'counters'
  end
  if own_counters(event) >= limits.counters_per_experiment then
    return 'counters_per_experiment'
  end
  -- Gimel may have deleted the counter, and does not know of its days.
  call('DEL', days)
  call('HSET', days, today, 0)
  call('PFADD', counter, uuid)
  call('SADD', KEYS[1], namespace)
  call('SADD', experiments, experiment)
  call('SADD', KEYS[key + 7], counter)
  call('SADD', counters, counter)
  return 'stored'
end

local function record(event)
  local counters, counter, days = KEYS[event.key + 2], KEYS[event.key + 3], KEYS[event.key + 4]
  if call('SISMEMBER', counters, counter) == 0 then
    return register(event)
  end
  add(counter, days, ARGV[event.argument + 2])
  return 'stored'
end

local outcomes = {}
local event = { key = 2, argument = 5 }
while event.argument < #ARGV do
  event.spellings = tonumber(ARGV[event.argument + 3])
  local finished, outcome = pcall(record, event)
  if not finished then
    -- Some versions of Redis pass the table on, others its text.
    local message = type(outcome) == 'table' and outcome.err or tostring(outcome)
    if string.sub(message, 1, 9) ~= 'WRONGTYPE' then
      return { err = message }
    end
    outcome = 'wrong_type'
  end
  outcomes[#outcomes + 1] = outcome
  event.key = event.key + 6 + event.spellings
  event.argument = event.argument + 3 + event.spellings
end
return outcomes
