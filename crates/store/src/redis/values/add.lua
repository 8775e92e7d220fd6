-- Adds values to the totals of units. It follows `sums.lua`. Every event is added as a whole or not at
-- all, and adding it again changes nothing.
-- KEYS[1]  the state of the ledger; then for each event the buckets of its unit, from level 0 on, and
--          those of its id if it has one.
-- ARGV     how many levels are declared, the last level, the records of level 0, and 1 to begin a
--          ledger that has no state; then for each event the variant, the unit's field, the id's field
--          or nothing, the value in ten-thousandths, the largest total, and the allocation or nothing.
-- Returns  the deepest level in use, and for each event "added" or "too_large"; only -1 if the ledger
--          does not exist, only -2 if more levels must be declared, only -3 if a
--          deletion has closed it. Then nothing is added.
local declared, last = tonumber(ARGV[1]), tonumber(ARGV[2])
local first, may_begin = tonumber(ARGV[3]), ARGV[4] == '1'
local events = (#ARGV - 4) / 6

local function level_of(records)
  local level, limit = 0, first
  while records >= limit and level < last do
    level, limit = level + 1, limit * 8
  end
  return level
end

local state = redis.call('HMGET', KEYS[1], 'records', 'deepest', 'deleted', 'cap', 'recap', 'cursor')
local records, deepest = tonumber(state[1]), tonumber(state[2])
local cap, cursor = tonumber(state[4]), state[6]
local new_cap = tonumber(state[5])
if state[3] then
  return { -3 }
end
if not records then
  if not may_begin then
    return { -1 }
  end
  records, deepest = 0, 0
  redis.call('HSET', KEYS[1], 'records', 0, 'deepest', 0, 'fan', 8)
end
if deepest >= declared or level_of(records + 2 * events) >= declared then
  return { -2 }
end
local before = records

local numbers = {}

-- The number of a variant. A new one gets the next number.
local function number_of(variant)
  if not numbers[variant] then
    local number = call('HGET', KEYS[1], 'v:' .. variant)
    if not number then
      number = call('HINCRBY', KEYS[1], 'variants', 1)
      call('HSET', KEYS[1], 'v:' .. variant, number, 'n:' .. number, variant)
    end
    numbers[variant] = tostring(number)
  end
  return numbers[variant]
end

-- The level on which a record is, and the record.
local function find(bucket, field)
  for level = deepest, 0, -1 do
    local record = call('HGET', KEYS[bucket + level], field)
    if record then
      return level, record
    end
  end
end

-- Writes a record, a new one on the level that the number of records selects. Returns the level.
local function write(bucket, level, field, record)
  if not level then
    level = level_of(records)
    records = records + 1
    deepest = math.max(deepest, level)
  end
  call('HSET', KEYS[bucket + level], field, record)
  return level
end

local function add(argument, bucket)
  local variant, unit_field, id_field = ARGV[argument], ARGV[argument + 1], ARGV[argument + 2]
  local value, most = tonumber(ARGV[argument + 3]), tonumber(ARGV[argument + 4])
  local allocation = ARGV[argument + 5]
  local id_bucket, id_level, id_record = bucket + declared, nil, nil
  if id_field ~= '' then
    id_level, id_record = find(id_bucket, id_field)
    -- The id of a variant that was removed counts anew.
    if id_record and call('HEXISTS', KEYS[1], 'n:' .. id_record) == 1 then
      return 'added'
    end
  end
  local number = number_of(variant)
  local level, record = find(bucket, unit_field)
  local unit = record and read_unit(record)
  local total
  if unit and unit.variant == number then
    total = unit.total
  else
    unit = { variant = number, total = 0, rest = '' }
    unit.allocation = allocation ~= '' and allocation or nil
  end
  if id_field == '' and unit.direct then
    return 'added'
  end
  unit.total = unit.total + value
  if math.abs(unit.total) > most then
    return 'too_large'
  end
  unit.direct = unit.direct or id_field == ''
  level = write(bucket, level, unit_field, write_unit(unit))
  if id_field ~= '' then
    write(id_bucket, id_level, id_field, number)
  end
  replace('t:', number, unit.allocation, total, unit.total, cap)
  -- While the cap changes, the new sums have the units of the buckets before the cursor.
  if cursor and is_before(level, string.match(KEYS[bucket + level], '([^:]*)$'), cursor) then
    replace('r:', number, unit.allocation, total, unit.total, new_cap)
  end
  return 'added'
end

local outcomes, failure = { 0 }, nil
local bucket = 2
for event = 0, events - 1 do
  local argument = 5 + 6 * event
  local finished, outcome = pcall(add, argument, bucket)
  if not finished then
    failure = outcome
    break
  end
  outcomes[#outcomes + 1] = outcome
  bucket = bucket + declared * (ARGV[argument + 2] ~= '' and 2 or 1)
end

-- What was added is in the sums, even if a later event failed.
write_sums(KEYS[1])
if records > before then
  redis.call('HSET', KEYS[1], 'records', records, 'deepest', deepest)
end
if failure then
  return { err = type(failure) == 'table' and failure.err or tostring(failure) }
end
outcomes[1] = deepest
return outcomes
