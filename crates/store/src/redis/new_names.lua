-- The limits of new names per hour. record.lua and register.lua begin with this file.
-- A hash has, for each kind of name, the time at which all names of an hour are free again, in Unix
-- milliseconds. Each new name moves this time by its share of the hour, and it may be at most an hour
-- ahead. Fields: ":namespaces", "NAMESPACE:experiments", "NAMESPACE:counters".
local HOUR = 3600000

local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)

-- What the field must hold after one more name, or nothing if the names of this hour are used up.
local function after_one_more(hash, field, per_hour)
  -- A clock that was set back must not block names for longer than an hour.
  local free = math.min(tonumber(redis.call('HGET', hash, field) or 0), now + HOUR)
  local after = math.max(free, now) + HOUR / per_hour
  -- One millisecond more, because the shares of an hour are rounded.
  if after <= now + HOUR + 1 then
    return after
  end
end

-- Stores what the fields must hold. With a new namespace, fields that say nothing are removed.
local function use_up(hash, fields)
  for field, after in pairs(fields) do
    redis.call('HSET', hash, field, string.format('%.3f', after))
  end
  if fields[':namespaces'] then
    local all = redis.call('HGETALL', hash)
    for position = 1, #all, 2 do
      if tonumber(all[position + 1]) <= now then
        redis.call('HDEL', hash, all[position])
      end
    end
  end
end

-- Checks the limits. "exempt" says which of them do not apply: "no", "namespace", or "names".
-- Returns the limit that refuses the names; or nothing, and the fields to store.
local function check_new_names(names)
  local fields = {}
  local limits, hash, exempt = names.limits, names.hash, names.exempt
  if exempt == 'names' then
    return nil, fields
  end
  if names.is_new_namespace and exempt == 'no' then
    if names.namespaces() >= limits.namespaces then
      return 'namespaces'
    end
    fields[':namespaces'] = after_one_more(hash, ':namespaces', limits.namespaces_per_hour)
    if not fields[':namespaces'] then
      return 'namespaces_per_hour'
    end
  end
  if names.is_new_experiment then
    if names.experiments >= limits.experiments then
      return 'experiments'
    end
    local field = names.namespace .. ':experiments'
    fields[field] = after_one_more(hash, field, limits.experiments_per_hour)
    if not fields[field] then
      return 'experiments_per_hour'
    end
  end
  if names.counters >= limits.counters then
    return 'counters'
  end
  local field = names.namespace .. ':counters'
  fields[field] = after_one_more(hash, field, limits.counters_per_hour)
  if not fields[field] then
    return 'counters_per_hour'
  end
  return nil, fields
end

