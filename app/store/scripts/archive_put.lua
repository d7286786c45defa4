-- Takes an order out, with its timeline and commands, once a file of the archive holds it: unless anything about
-- it changed since it was read, or anything is still to be done for it.
-- KEYS 1 order, 2 timeline, 3 lane, 4 commands of the order, 5 orders pending a sync, 6 index of all orders,
--      7 all commands, 8 places of archived orders, 9 archived orders by reference, 10 counters
-- ARGV 1 order id, 2 version read, 3 timeline entries ever, as read, 4 commands read, 5 place in the archive,
--      6 prefix of the state indexes, 7 of the reference indexes, 8 of commands, 9 of the status indexes of
--      commands, 10 of their kind indexes
-- Returns 1 when the order stands in the archive at that place now, else 0.
local order, timeline, lane, commands = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local id, place = ARGV[1], ARGV[5]

local stored = redis.call('HMGET', order, 'version', 'timeline_dropped', 'state', 'reference')
if not stored[1] then return redis.call('HGET', KEYS[8], id) == place and 1 or 0 end
local entries = tonumber(stored[2] or '0') + redis.call('LLEN', timeline)
if stored[1] ~= ARGV[2] or entries ~= tonumber(ARGV[3]) then return 0 end
if redis.call('EXISTS', lane) == 1 or redis.call('ZSCORE', KEYS[5], id) then return 0 end
if redis.call('ZCARD', commands) ~= tonumber(ARGV[4]) then return 0 end

for _, command in ipairs(redis.call('ZRANGE', commands, 0, -1)) do
  local found = redis.call('HMGET', ARGV[8] .. command, 'status', 'kind')
  redis.call('ZREM', KEYS[7], command)
  if found[1] then
    redis.call('ZREM', ARGV[9] .. found[1], command)
    redis.call('ZREM', ARGV[10] .. found[2], command)
  end
  redis.call('DEL', ARGV[8] .. command)
end
redis.call('ZREM', KEYS[6], id)
redis.call('ZREM', ARGV[6] .. stored[3], id)
redis.call('HSET', KEYS[8], id, place)
if stored[4] ~= '' then
  redis.call('ZREM', ARGV[7] .. stored[4], id)
  local known = cjson.decode(redis.call('HGET', KEYS[9], stored[4]) or '[]')
  known[#known + 1] = id
  redis.call('HSET', KEYS[9], stored[4], cjson.encode(known))
end
redis.call('DEL', order, timeline, commands)
redis.call('HINCRBY', KEYS[10], 'orders_archived', 1)
return 1
