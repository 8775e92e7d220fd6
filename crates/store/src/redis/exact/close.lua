-- Ends a counter: whoever still knows it learns that it is gone.
-- KEYS[1]  the counter's state.
-- Returns  the deepest level that it may have used, now or when this ran before.
local deepest = redis.call('HGET', KEYS[1], 'deepest') or redis.call('HGET', KEYS[1], 'deleted')
redis.call('DEL', KEYS[1])
redis.call('HSET', KEYS[1], 'deleted', deepest or 0)
return tonumber(deepest or 0)
