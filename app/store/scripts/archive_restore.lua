-- Puts an archived order back as it was, with its timeline and commands. What came to be about it meanwhile stays:
-- its timeline continues after the old one.
-- KEYS 1 order, 2 timeline, 3 commands of the order, 4 index of all orders, 5 all commands,
--      6 places of archived orders, 7 archived orders by reference, 8 counters
-- ARGV 1 order id, 2 the place it was read at, 3 its line of the archive, 4 prefix of the state indexes, 5 of the
--      reference indexes, 6 of commands, 7 of the status indexes of commands, 8 of their kind indexes
-- Returns 1; 0 when it is not in the archive at that place any more.
local id, reference_bucket = ARGV[1], KEYS[7]
if redis.call('HGET', KEYS[6], id) ~= ARGV[2] then return 0 end
local line = cjson.decode(ARGV[3])

local order = line.order
for field, value in pairs(order) do redis.call('HSET', KEYS[1], field, value) end
for i = #line.timeline, 1, -1 do redis.call('LPUSH', KEYS[2], line.timeline[i]) end
redis.call('ZADD', KEYS[4], order.updated_at, id)
redis.call('ZADD', ARGV[4] .. order.state, order.updated_at, id)
for _, command in ipairs(line.commands) do
  for field, value in pairs(command) do redis.call('HSET', ARGV[6] .. command.id, field, value) end
  redis.call('ZADD', KEYS[3], command.created_at, command.id)
  redis.call('ZADD', KEYS[5], command.created_at, command.id)
  redis.call('ZADD', ARGV[7] .. command.status, command.created_at, command.id)
  redis.call('ZADD', ARGV[8] .. command.kind, command.created_at, command.id)
end
redis.call('HDEL', KEYS[6], id)
if order.reference ~= '' then
  redis.call('ZADD', ARGV[5] .. order.reference, order.updated_at, id)
  local left = {}
  for _, other in ipairs(cjson.decode(redis.call('HGET', reference_bucket, order.reference) or '[]')) do
    if other ~= id then left[#left + 1] = other end
  end
  if #left == 0 then
    redis.call('HDEL', reference_bucket, order.reference)
  else
    redis.call('HSET', reference_bucket, order.reference, cjson.encode(left))
  end
end
redis.call('HINCRBY', KEYS[8], 'orders_brought_back', 1)
return 1
