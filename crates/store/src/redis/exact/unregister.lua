-- Removes counters of an experiment from the registry, and the experiment when it has none left.
-- The counters are listed in KEYS[5] until their keys are removed.
-- KEYS[1]  the registry of namespaces, KEYS[2] the namespace's experiments, KEYS[3] how many
--          counters they have, KEYS[4] the experiment's counters, KEYS[5] what is to be removed,
--          KEYS[6] the mark of an unfinished import.
-- ARGV     the namespace, the experiment, both as KEYS[5] has them, and "all" or "some"; then, with
--          "some", the counters.
-- Returns  1 if there were counters, or some were not removed completely, else 0; then every id that
--          is to be removed, those of this experiment first.
local counters = {}
if ARGV[4] == 'all' then
  counters = redis.call('HVALS', KEYS[4])
  redis.call('DEL', KEYS[4], KEYS[6])
else
  for position = 5, #ARGV do
    local counter = redis.call('HGET', KEYS[4], ARGV[position])
    if counter then
      counters[#counters + 1] = counter
      redis.call('HDEL', KEYS[4], ARGV[position])
    end
  end
end
for _, counter in ipairs(counters) do
  redis.call('HSET', KEYS[5], string.sub(counter, 1, 16), ARGV[3])
end
redis.call('DECRBY', KEYS[3], #counters)
if redis.call('EXISTS', KEYS[4]) == 0 then
  redis.call('SREM', KEYS[2], ARGV[2])
end
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
