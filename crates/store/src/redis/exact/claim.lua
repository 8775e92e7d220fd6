-- Takes what an import has staged away from it, so that it can be removed.
-- KEYS[1]  when each import was last active, KEYS[2] the ids that it has staged, KEYS[3] what is to be
--          removed.
-- ARGV     the import, and the time before which it must have been active last.
-- Returns  the ids that are to be removed.
local active = tonumber(redis.call('HGET', KEYS[1], ARGV[1]))
if not active or active >= tonumber(ARGV[2]) then
  return {}
end
redis.call('HDEL', KEYS[1], ARGV[1])
local ids = redis.call('SMEMBERS', KEYS[2])
redis.call('DEL', KEYS[2])
for _, id in ipairs(ids) do
  redis.call('HSET', KEYS[3], id, 'import')
end
return ids
