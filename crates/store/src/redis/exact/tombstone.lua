-- Removes the state of a closed counter and leaves a tombstone for processes that remember its id.
-- KEYS[1]  the counter's state.
-- Returns  the deepest level that it may have used, and how many of its buckets were removed by an
--          earlier run that was cut off.
local state = redis.call('HMGET', KEYS[1], 'deepest', 'deleted', 'removed')
local deepest, removed = state[1] or state[2] or 0, 0
if state[1] then
  redis.call('DEL', KEYS[1])
else
  removed = state[3] or 0
end
redis.call('HSET', KEYS[1], 'deleted', deepest)
return { tonumber(deepest), tonumber(removed) }
