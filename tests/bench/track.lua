-- Events of an experiment with two variants and three goals, each with a uuid of its own.
local goals = { 'participate', 'participate', 'signup', 'click' }
local variants = { 'red', 'blue' }
local threads = 0
local prefix
local sent = 0

function setup(thread)
  threads = threads + 1
  thread:set('number', threads)
end

function init()
  prefix = string.format('%08x-%04x-4000-8000-', os.time(), number)
end

function request()
  sent = sent + 1
  return wrk.format('GET', string.format(
    '/track?experiment=button+color&variant=%s&event=%s&uuid=%s%012x&namespace=alephbet',
    variants[sent % 2 + 1], goals[sent % 4 + 1], prefix, sent))
end
