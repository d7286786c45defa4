-- Makes one batch of the acknowledgements that gathered in a shop: a command that carries them.
-- KEYS 1 gathering acknowledgements of the shop, 2 record of the batch, 3 due index of batches, 4 due index of
--      acknowledgements, 5 due index of acknowledgements in the shop
-- ARGV 1 now, 2 creation of the oldest from which on they go, 3 orders of a batch at most, 4 batch id, 5 shop id,
--      6 idempotency key, 7 document, 8 prefix of commands, 9 prefix of lanes, 10 prefix of status indexes
-- Returns 'batch', its orders and its lane; 'alone', the id and order of one that nobody joined, due now;
-- 'later' and the creation of the oldest; or 'none'. The same batch id again gets its batch again.
-- One that ran or was closed meanwhile only leaves the gathering.
--#include commands
--#include due
local gathering, record = KEYS[1], KEYS[2]
local most, id, key = tonumber(ARGV[3]), ARGV[4], ARGV[6]

local known = redis.call('HMGET', record, 'orders', 'order_id')
if known[1] then return { 'batch', known[1], known[2] } end
local oldest = redis.call('ZRANGE', gathering, 0, 0, 'WITHSCORES')[2]
if not oldest then return { 'none', '', '' } end
if redis.call('ZCARD', gathering) < most and tonumber(oldest) > tonumber(ARGV[2]) then
  return { 'later', oldest, '' }
end

local members, orders = {}, {}
for _, member in ipairs(redis.call('ZRANGE', gathering, 0, most - 1)) do
  redis.call('ZREM', gathering, member)
  local found = redis.call('HMGET', ARGV[8] .. member, 'status', 'order_id')
  local head = found[2] and redis.call('LINDEX', ARGV[9] .. found[2], 0) == member
  if found[1] == 'pending' and head and not redis.call('ZSCORE', KEYS[4], member) then
    members[#members + 1], orders[#orders + 1] = member, found[2]
  end
end
if #members == 0 then return { 'none', '', '' } end
if #members == 1 then
  set_due(KEYS[4], KEYS[5], ARGV[1], members[1])
  return { 'alone', members[1], orders[1] }
end
for _, member in ipairs(members) do
  local joined = ARGV[8] .. member
  move_status(joined, ARGV[10], member, 'running')
  redis.call('HSET', joined, 'batch', id, 'lease_token', id, 'idempotency_key', key)
end
local lane = #members .. '_orders_of_' .. ARGV[5] .. '_' .. id
redis.call('HSET', record, 'id', id, 'kind', 'acknowledge_batch', 'order_id', lane, 'shop_id', ARGV[5],
  'created_at', ARGV[1], 'idempotency_key', key, 'document', ARGV[7], 'status', 'pending',
  'members', table.concat(members, ' '), 'orders', #members)
redis.call('RPUSH', ARGV[9] .. lane, id)
redis.call('ZADD', KEYS[3], ARGV[1], id)
return { 'batch', tostring(#members), lane }
