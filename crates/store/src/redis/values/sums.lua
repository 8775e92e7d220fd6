-- What the scripts of values share: exact sums, and the state of a ledger. `layout.rs` describes the
-- keys.

-- Raises an error as a table in every version of Redis (7's redis.call does, 6's does not).
local function call(...)
  local reply = redis.pcall(...)
  if type(reply) == 'table' and reply.err then
    error(reply)
  end
  return reply
end

-- A large number is a list of limbs in base 10^6, the lowest first. Until it is written, a limb may be
-- negative or larger. Lua's numbers are exact up to 9 * 10^15.
local BASE, LIMBS = 1000000, 8

local function read_number(text)
  local negative = string.sub(text, 1, 1) == '-'
  local digits, limbs = negative and string.sub(text, 2) or text, {}
  for last = #digits, 1, -6 do
    local limb = tonumber(string.sub(digits, math.max(1, last - 5), last))
    limbs[#limbs + 1] = negative and -limb or limb
  end
  return limbs
end

local function carried(limbs, sign)
  local carry, result = 0, {}
  for position = 1, LIMBS do
    local limb = sign * (limbs[position] or 0) + carry
    result[position] = limb % BASE
    carry = (limb - result[position]) / BASE
  end
  return result, carry
end

local function write_number(limbs)
  local sign = ''
  local result, carry = carried(limbs, 1)
  if carry < 0 then
    sign, result = '-', carried(limbs, -1)
  end
  local first = LIMBS
  while first > 1 and result[first] == 0 do
    first = first - 1
  end
  local text = string.format('%d', result[first])
  for position = first - 1, 1, -1 do
    text = text .. string.format('%06d', result[position])
  end
  return sign .. text
end

local function add_limbs(limbs, more, sign)
  for position = 1, #more do
    limbs[position] = (limbs[position] or 0) + sign * more[position]
  end
end

-- The limbs of a number below 10^18.
local function split(number)
  local low = number % BASE
  local rest = (number - low) / BASE
  local middle = rest % BASE
  return low, middle, (rest - middle) / BASE
end

local function square(number)
  local low, middle, high = split(math.abs(number))
  return {
    low * low, 2 * low * middle, 2 * low * high + middle * middle, 2 * middle * high, high * high,
  }
end

local function clamped(total, cap)
  if not cap then
    return total
  end
  return math.max(-cap, math.min(cap, total))
end

-- What a run of a script adds to the sums, by field of the state.
local added = {}

-- Replaces a unit's total in the sums of a variant and of an allocation, which may be nil. `before` is
-- nil for a new unit.
local function replace(kind, variant, allocation, before, after, cap)
  local old, new = clamped(before or 0, cap), clamped(after, cap)
  local fields = { kind .. variant }
  if allocation then
    fields[2] = kind .. variant .. ':' .. allocation
  end
  for _, field in ipairs(fields) do
    local sums = added[field]
    if not sums then
      sums = { units = 0, sum = {}, squares = {}, largest = 0 }
      added[field] = sums
    end
    if not before then
      sums.units = sums.units + 1
    end
    if new ~= old then
      local low, middle, high = split(math.abs(new - old))
      add_limbs(sums.sum, { low, middle, high }, new < old and -1 or 1)
      add_limbs(sums.squares, square(new), 1)
      add_limbs(sums.squares, square(old), -1)
    end
    sums.largest = math.max(sums.largest, math.abs(after))
  end
end

-- Writes what was added.
local function write_sums(state)
  for field, sums in pairs(added) do
    local text = redis.call('HGET', state, field) or '0 0 0 0'
    local units, sum, squares, largest = string.match(text, '^(%d+) (%-?%d+) (%d+) (%d+)$')
    sum, squares = read_number(sum), read_number(squares)
    add_limbs(sum, sums.sum, 1)
    add_limbs(squares, sums.squares, 1)
    local written = string.format('%.0f', tonumber(units) + sums.units) .. ' ' .. write_number(sum)
      .. ' ' .. write_number(squares) .. ' '
      .. string.format('%.0f', math.max(tonumber(largest), sums.largest))
    redis.call('HSET', state, field, written)
  end
  added = {}
end

-- Reads a unit: its variant's number, its total, its allocation or nil, whether it has a value without
-- an id, and what else it holds. nil if the record is the id of an event.
local function read_unit(record)
  local variant, total, rest = string.match(record, '^(%d+):(%-?%d+)(.*)$')
  if not variant then
    return nil
  end
  local unit = { variant = variant, total = tonumber(total), rest = '' }
  for part in string.gmatch(rest, ':([^:]+)') do
    local tag = string.sub(part, 1, 1)
    if tag == 'a' then
      unit.allocation = string.sub(part, 2)
    elseif part == 'd' then
      unit.direct = true
    else
      unit.rest = unit.rest .. ':' .. part
    end
  end
  return unit
end

local function write_unit(unit)
  return unit.variant .. ':' .. string.format('%.0f', unit.total)
    .. (unit.allocation and ':a' .. unit.allocation or '') .. (unit.direct and ':d' or '') .. unit.rest
end

-- Whether a bucket comes before another one. `limit` is a level and a path with a colon between.
local function is_before(level, path, limit)
  local limit_level, limit_path = string.match(limit, '^(%d+):(%d*)$')
  limit_level = tonumber(limit_level)
  return level < limit_level or (level == limit_level and path < limit_path)
end
