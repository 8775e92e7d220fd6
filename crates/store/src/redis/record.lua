-- Records a batch of events in one round trip. An event that fails does not affect the others.
-- KEYS[1]  the registry of namespaces, KEYS[2] the registry of exactly counted ones, KEYS[3] what is
--          left of the limits per hour; then for each event the namespace's experiments, the
--          namespace's counters, the counter, its estimates at the beginning of each day, the
--          namespace's exactly counted experiments, how many counters these have, and the
--          experiment's counters under each spelling of its name.
-- ARGV     the limits (namespaces, experiments, counters, counters per experiment; per hour:
--          namespaces, experiments, counters), 1 if an experiment may begin, and which limits do not
--          apply; then for each event the namespace, the uuid, the allocation or nothing, the number
--          of spellings, and each spelling of the experiment, abtest's first.
-- Returns  for each event "stored", the limit that refused it, "exact" if its experiment is
--          counted exactly, or "wrong_type". Any other error fails the whole batch: nothing of it
--          is acknowledged, and it can be sent again.
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

-- Raises an error as a table in every version of Redis (7's redis.call does, 6's does not).
local function call(...)
  local reply = redis.pcall(...)
  if type(reply) == 'table' and reply.err then
    error(reply)
  end
  return reply
end

-- The UTC day, as days since 1970.
local today = math.floor(now / 86400000)

-- By counter, since the first event of this batch that states an allocation: the estimate before,
-- how many events changed the estimate, and how many of these stated each allocation.
local stated = {}

local function allocations_key(counter)
  return 'abtest:allocations:' .. counter
end

-- Adds a uuid. The first one of a day that changes the estimate stores the estimate before it: a
-- day costs a few bytes and one PFCOUNT, and duplicates cost nothing.
local function add(counter, days, uuid, allocation)
  local change = stated[counter]
  if not change and allocation ~= '' then
    change = { before = call('PFCOUNT', counter), events = 0, allocations = {} }
    stated[counter] = change
  end
  if call('PFADD', counter, uuid) ~= 1 then
    return
  end
  if change then
    change.events = change.events + 1
    if allocation ~= '' then
      change.allocations[allocation] = (change.allocations[allocation] or 0) + 1
    end
  end
  if call('HSETNX', days, today, 0) == 1 then
    call('HSET', days, today, call('PFCOUNT', counter) - 1)
  end
end

-- Divides the growth of each estimate among the allocations. Only a uuid that is new can change an
-- estimate, and the larger the estimate is, the fewer do and the more each one adds. So on average
-- every new uuid adds 1 to its allocation.
local function add_allocations()
  for counter, change in pairs(stated) do
    if next(change.allocations) then
      local growth = call('PFCOUNT', counter) - change.before
      for allocation, events in pairs(change.allocations) do
        local part = string.format('%.3f', math.max(growth, 0) * events / change.events)
        call('HINCRBYFLOAT', allocations_key(counter), allocation, part)
      end
    end
  end
end

-- Whether the experiment is there, under any spelling of its name.
local function is_begun(event)
  for spelling = 1, event.spellings do
    if call('SISMEMBER', KEYS[event.key + 1], ARGV[event.argument + 4 + spelling]) == 1 then
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
  local allocation, experiment = ARGV[event.argument + 3], ARGV[event.argument + 5]
  local begun = is_begun(event)
  if call('SISMEMBER', KEYS[key + 5], experiment) == 1 or not (begun or may_begin) then
    return 'exact'
  end
  local known = call('SCARD', experiments) + call('SCARD', KEYS[key + 5])
  if own_counters(event) >= limits.counters_per_experiment then
    return 'counters_per_experiment'
  end
  local refused, used = check_new_names({
    limits = limits,
    hash = KEYS[3],
    exempt = exempt,
    namespace = namespace,
    -- A namespace with experiments that is not in the registry is Gimel's: it was here first.
    is_new_namespace = known == 0 and call('SISMEMBER', KEYS[1], namespace) == 0,
    namespaces = function() return #call('SUNION', KEYS[1], KEYS[2]) end,
    is_new_experiment = not begun,
    experiments = known,
    counters = call('SCARD', counters) + tonumber(call('GET', KEYS[key + 6]) or 0),
  })
  if refused then
    return refused
  end
  -- Gimel may have deleted the counter, and does not know of its days and allocations.
  call('DEL', days, allocations_key(counter))
  call('HSET', days, today, 0)
  call('PFADD', counter, uuid)
  if allocation ~= '' then
    call('HSET', allocations_key(counter), allocation, 1)
  end
  use_up(KEYS[3], used)
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
  add(counter, days, ARGV[event.argument + 2], ARGV[event.argument + 3])
  return 'stored'
end

local outcomes = {}
local event = { key = 3, argument = 9 }
while event.argument < #ARGV do
  event.spellings = tonumber(ARGV[event.argument + 4])
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
  event.argument = event.argument + 4 + event.spellings
end
add_allocations()
return outcomes
