-- Finds the ledger of a goal, or registers it.
-- KEYS[1]  the ledgers of the experiment, KEYS[2] what is to be removed.
-- ARGV     the goal, what the ledger gets if it is new, and the identity of a closed ledger that it
--          replaces, or nothing: a deletion that was cut off has closed it.
-- Returns  what the ledger has.
local known = redis.call('HGET', KEYS[1], ARGV[1])
if known and known == ARGV[3] then
  redis.call('HSET', KEYS[2], string.sub(known, 1, 16), 'replaced')
  known = nil
end
if not known then
  redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
  known = ARGV[2]
end
return known
