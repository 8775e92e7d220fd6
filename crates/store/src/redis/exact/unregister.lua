-- Removes an experiment from the registry. Its counters are listed in KEYS[5] until their keys
-- are removed.
-- KEYS[1]  the registry of namespaces, KEYS[2] the namespace's experiments, KEYS[3] how many
--          counters they have, KEYS[4] the experiment's counters, KEYS[5] what is to be removed.
-- ARGV     the namespace, the experiment, and both as KEYS[5] has them.
-- Returns  1 if the experiment was there or was not removed completely, else 0; then every id that
--          is to be removed, those of this experiment first.
local counters = redis.call('HVALS', KEYS[4])
for _, counter in ipairs(counters) do
  redis.call('HSET', KEYS[5], string.sub(counter, 1, 16), ARGV[3])
end
redis.call('DEL', KEYS[4])
redis.call('DECRBY', KEYS[3], #counters)
redis.call('SREM', KEYS[2], ARGV[2])
if redis.call('EXISTS', KEYS[2]) == 0 then
  redis.call('SREM', KEYS[1], ARGV[1])
  redis.call('DEL', KEYS[3])
end
local answer, others = { 0 }, {}
local waiting = redis.call('HGETALL', KEYS[5])
for position = 1, #waiting, 2 do
  if waiting[position + 1] == ARGV[3] then
    answer[1] = 1
    answer[#answer + 1] = waiting[position]
  else
    others[#others + 1] = waiting[position]
  end
end
for _, id in ipairs(others) do
  answer[#answer + 1] = id
end
return answer
