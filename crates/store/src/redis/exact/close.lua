-- Closes a counter: no process counts into it any more, also if it remembers the counter's id. What was
-- counted can be read until the counter is unregistered.
-- KEYS[1]  the counter's state.
redis.call('HSETNX', KEYS[1], 'deleted', redis.call('HGET', KEYS[1], 'deepest') or 0)
