-- Removes the state of a closed counter or ledger and leaves a tombstone for processes that remember its id.
-- KEYS[1]  the state.
-- Returns  the deepest level that it may have used, and how many of its buckets were removed by an
--          earlier run that was cut off, and how many buckets replace one on the next level.
local state = redis.call('HMGET', KEYS[1], 'deepest', 'deleted', 'removed', 'fan')
local deepest, removed = state[1] or state[2] or 0, 0
if state[1] then
  redis.call('DEL', KEYS[1])
else
  removed = state[3] or 0
end
local fan = state[4] or 32
redis.call('HSET', KEYS[1], 'deleted', deepest, 'fan', fan)
return { tonumber(deepest), tonumber(removed), tonumber(fan) }
