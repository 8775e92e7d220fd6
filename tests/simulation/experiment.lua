-- Plays one experiment into real HyperLogLogs, under Gimel's keys. Each visitor is assigned by a
-- fair coin and reaches both goals or none: `shared` is tracked with the uuid of the participation,
-- as an adapter with a user id does, `own` with one of its own, as one without does.
-- ARGV     seed, namespace, experiment, visitors, rate of variant a, rate of variant b, share of
--          visitors whose events are sent again.
-- Returns  the true trials and successes of a, and of b.
local seed, namespace, experiment = tonumber(ARGV[1]), ARGV[2], ARGV[3]
local visitors, again = tonumber(ARGV[4]), tonumber(ARGV[7])
local rates = { a = tonumber(ARGV[5]), b = tonumber(ARGV[6]) }
local PIECE = 4000

math.randomseed(seed)
local counters, waiting = {}, {}
for _, goal in ipairs({ 'participate', 'shared', 'own' }) do
  for _, variant in ipairs({ 'a', 'b' }) do
    local counter = namespace .. ':counters:' .. experiment .. ':' .. goal .. ':' .. variant
    counters[goal .. variant] = counter
    waiting[counter] = {}
    redis.call('SADD', namespace .. ':' .. experiment .. ':counter_keys', counter)
    redis.call('SADD', namespace .. ':counter_keys', counter)
  end
end
redis.call('SADD', namespace .. ':experiments', experiment)

local function send(counter)
  local uuids = waiting[counter]
  if #uuids > 0 then
    redis.call('PFADD', counter, unpack(uuids))
    waiting[counter] = {}
  end
end

local function add(counter, uuid)
  local uuids = waiting[counter]
  uuids[#uuids + 1] = uuid
  if #uuids == PIECE then
    send(counter)
  end
end

local prefix = string.format('%08x-%04x-4%03x-8000-', seed, seed % 65536, seed % 4096)
local trials, successes = { a = 0, b = 0 }, { a = 0, b = 0 }
for visitor = 1, visitors do
  local variant = math.random() < 0.5 and 'a' or 'b'
  local reached = math.random() < rates[variant]
  local uuid = prefix .. visitor
  trials[variant] = trials[variant] + 1
  if reached then
    successes[variant] = successes[variant] + 1
  end
  local times = again > 0 and visitor % 10 < 10 * again and 2 or 1
  for _ = 1, times do
    add(counters['participate' .. variant], uuid)
    if reached then
      add(counters['shared' .. variant], uuid)
      add(counters['own' .. variant], uuid .. '-goal')
    end
  end
end
for _, counter in pairs(counters) do
  send(counter)
end
return { trials.a, successes.a, trials.b, successes.b }
