-- Lists the names of a namespace's documents.
-- KEYS     the hash of each kind.
-- Returns  for each hash, the names whose record is not the tombstone of a deleted document.
local answer = {}
for kind = 1, #KEYS do
  local records = redis.call('HGETALL', KEYS[kind])
  local names = {}
  for position = 1, #records, 2 do
    if not string.find(records[position + 1], '^%d+$') then
      names[#names + 1] = records[position]
    end
  end
  answer[kind] = names
end
return answer
