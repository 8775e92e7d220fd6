-- Publishes the staged counters of an experiment at once.
-- KEYS[1]  when each import was last active, KEYS[2] the ids that this import has staged, KEYS[3] the
--          mark of an unfinished import, KEYS[4] the registry of namespaces, KEYS[5] the namespace's
--          experiments, KEYS[6] how many counters they have, KEYS[7] the experiment's counters, KEYS[8]
--          its ledgers. If there may be HyperLogLogs too: KEYS[9] their namespaces, KEYS[10] their
--          experiments, KEYS[11] their counters.
-- ARGV     the limits (namespaces, experiments, counters, counters per experiment), the namespace, the
--          experiment, the digest of the export, the seconds after which the mark is gone, the import,
--          and the number of spellings of the experiment that KEYS[10] may hold; then the spellings;
--          then the number of ledgers, and for each ledger and then for each counter its name and what it gets.
-- Returns  "published", "exists", "expired" if another import removed what is staged, or the limit.
local import, spellings = ARGV[9], tonumber(ARGV[10])
local ledgers = tonumber(ARGV[11 + spellings])
local first_ledger = 12 + spellings
local first = first_ledger + 2 * ledgers
local new = (#ARGV - first + 1) / 2

if redis.call('HEXISTS', KEYS[1], import) == 0 then
  return 'expired'
end
if redis.call('EXISTS', KEYS[7], KEYS[8]) > 0 then
  return 'exists'
end
local estimated
if #KEYS > 8 then
  for spelling = 11, 10 + spellings do
    if redis.call('SISMEMBER', KEYS[10], ARGV[spelling]) == 1 then
      return 'exists'
    end
  end
  estimated = { namespaces = KEYS[9], experiments = KEYS[10], counters = KEYS[11] }
end
local refused = refused_by({
  exact = { namespaces = KEYS[4], experiments = KEYS[5], counters = KEYS[6] },
  estimated = estimated,
  is_begun = false,
  own = 0,
  new = new,
})
if refused then
  return refused
end

if new > 0 then
  redis.call('SADD', KEYS[4], namespace)
  redis.call('SADD', KEYS[5], experiment)
  redis.call('INCRBY', KEYS[6], new)
  for position = first, #ARGV, 2 do
    redis.call('HSET', KEYS[7], ARGV[position], ARGV[position + 1])
  end
end
for position = first_ledger, first - 1, 2 do
  redis.call('HSET', KEYS[8], ARGV[position], ARGV[position + 1])
end
redis.call('HDEL', KEYS[1], import)
redis.call('DEL', KEYS[2])
redis.call('SET', KEYS[3], ARGV[7], 'EX', ARGV[8])
return 'published'
