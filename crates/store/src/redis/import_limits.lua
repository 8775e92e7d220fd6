-- The limits of an import. Both scripts that publish one begin with this file. Their first arguments are
-- the limits (namespaces, experiments, counters, counters per experiment), the namespace and the experiment.
local limits = {
  namespaces = tonumber(ARGV[1]),
  experiments = tonumber(ARGV[2]),
  counters = tonumber(ARGV[3]),
  counters_per_experiment = tonumber(ARGV[4]),
}
local namespace, experiment = ARGV[5], ARGV[6]

-- Checks the limits. "exact" and "estimated" have the keys of both kinds of counters: the registry of
-- namespaces, the namespace's experiments, and its counters. On a cluster there are no estimated ones.
-- "own" is how many counters the experiment has, "new" how many the import adds.
-- Returns the limit that refuses the import, or nothing.
local function refused_by(names)
  local exact, estimated = names.exact, names.estimated
  local experiments = redis.call('SCARD', exact.experiments)
  local counters = tonumber(redis.call('GET', exact.counters) or 0)
  local is_known = redis.call('SISMEMBER', exact.namespaces, namespace) == 1
  local namespaces = { exact.namespaces }
  if estimated then
    experiments = experiments + redis.call('SCARD', estimated.experiments)
    counters = counters + redis.call('SCARD', estimated.counters)
    is_known = is_known or redis.call('SISMEMBER', estimated.namespaces, namespace) == 1
    namespaces[2] = estimated.namespaces
  end
  -- A namespace with experiments that is in no registry is Gimel's: it was here first.
  if experiments == 0 and not is_known and #redis.call('SUNION', unpack(namespaces)) >= limits.namespaces then
    return 'namespaces'
  end
  if not names.is_begun and experiments >= limits.experiments then
    return 'experiments'
  end
  if counters + names.new > limits.counters then
    return 'counters'
  end
  if names.own + names.new > limits.counters_per_experiment then
    return 'counters_per_experiment'
  end
end

