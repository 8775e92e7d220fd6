-- The simpler scheme beside which ours is measured: buckets are sets of 32-bit integers.
-- KEYS[1]  the count; then for each uuid its buckets, from level 0 on.
-- ARGV     how many levels are declared, the members of level 0; then for each uuid its mark.
local declared, first = tonumber(ARGV[1]), tonumber(ARGV[2])
local count = tonumber(redis.call('GET', KEYS[1]) or 0)
for position = 0, #ARGV - 3 do
  local mark = ARGV[3 + position]
  local bucket = 2 + declared * position
  local level, limit = 0, first
  while count >= limit and level < declared - 1 do
    level, limit = level + 1, limit * 64
  end
  local seen = false
  for lower = level, 0, -1 do
    if redis.call('SISMEMBER', KEYS[bucket + lower], mark) == 1 then
      seen = true
      break
    end
  end
  if not seen then
    redis.call('SADD', KEYS[bucket + level], mark)
    count = count + 1
  end
end
redis.call('SET', KEYS[1], count)
