-- Reads all documents of a namespace.
-- KEYS[1]  the namespace's version; then the hash of each kind.
-- ARGV[1]  the version that the caller has, or nothing.
-- Returns  the namespace's version; then, unless it is the caller's, the content of each hash.
local version = redis.call('GET', KEYS[1]) or '0'
local answer = { version }
if ARGV[1] ~= version then
  for kind = 2, #KEYS do
    answer[kind] = redis.call('HGETALL', KEYS[kind])
  end
end
return answer
