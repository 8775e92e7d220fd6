-- Removes a variant from a ledger. Its records stay until the ledger is removed, and are not used.
-- KEYS[1]  the state of the ledger.
-- ARGV     the variant.
local number = redis.call('HGET', KEYS[1], 'v:' .. ARGV[1])
if not number then
  return
end
redis.call('HDEL', KEYS[1], 'v:' .. ARGV[1], 'n:' .. number)
for _, field in ipairs(redis.call('HKEYS', KEYS[1])) do
  local owner = string.match(field, '^[tr]:(%d+)')
  if owner == number then
    redis.call('HDEL', KEYS[1], field)
  end
end
