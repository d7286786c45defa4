-- Accepts a command: its record, its place in the lane and the indexes, the timeline, the caller's answer.
-- KEYS 1 command, 2 lane, 3 order, 4 timeline, 5 due index of its kind, 6 all commands, 7 pending commands,
--      8 commands of its kind, 9 commands of its order, 10 gathering acknowledgements of its shop,
--      11 active consumers of its kind in its shop, 12 due index of its kind in its shop, 13 idempotency
--      record (may be left out)
-- ARGV 1 id, 2 kind, 3 order id, 4 shop id, 5 creation time, 6 idempotency key, 7 document,
--      8 '1': no second open command of this kind in the lane, 9 '1': the order's one automatic
--      acknowledgement, 10 commands a lane holds at most, 11 timeline entries kept at most, 12 prefix of
--      commands, 13 timeline entry, 14 '1': a head gathers instead of being due, 15 status, 16 body,
--      17 headers, 18 seconds the answer is kept
-- Returns command id, result ('created', 'known': sent before, 'open': one like it is open,
--      'automatic': it had its automatic one, 'full'), '1' when the command is the lane's head, how many
--      gather by now when the command is one of them, else 0, and how many active consumers its
--      kind has in its shop.
--#include timeline
--#include idempotency
--#include due
local record, lane, order = KEYS[1], KEYS[2], KEYS[3]
local id, kind, created_at = ARGV[1], ARGV[2], ARGV[5]

local function answer_caller()
  if KEYS[13] then finish_answer(KEYS[13], ARGV[15], ARGV[16], ARGV[17], ARGV[18]) end
end

local function gathered(command)
  return redis.call('ZSCORE', KEYS[10], command) and redis.call('ZCARD', KEYS[10]) or 0
end

local function head(command)
  return redis.call('LINDEX', lane, 0) == command and '1' or '0'
end

local function answer(command, result)
  local active_consumers = redis.call('ZCOUNT', KEYS[11], '(' .. created_at, '+inf')
  return { command, result, head(command), gathered(command), active_consumers }
end

if redis.call('EXISTS', record) == 1 then
  answer_caller()
  return answer(id, 'known')
end
if ARGV[9] == '1' then
  local automatic = redis.call('HGET', order, 'auto_acknowledge')
  if automatic then return answer(automatic, 'automatic') end
end
if ARGV[8] == '1' then
  for _, other in ipairs(redis.call('LRANGE', lane, 0, -1)) do
    if redis.call('HGET', ARGV[12] .. other, 'kind') == kind then return answer(other, 'open') end
  end
end
if redis.call('LLEN', lane) >= tonumber(ARGV[10]) then return answer('', 'full') end

redis.call('HSET', record, 'id', id, 'kind', kind, 'order_id', ARGV[3], 'shop_id', ARGV[4],
  'created_at', created_at, 'idempotency_key', ARGV[6], 'document', ARGV[7], 'status', 'pending')
redis.call('RPUSH', lane, id)
for i = 6, 9 do redis.call('ZADD', KEYS[i], created_at, id) end
if ARGV[9] == '1' then redis.call('HSET', order, 'auto_acknowledge', id) end
if head(id) == '1' then
  if ARGV[14] == '1' then
    redis.call('ZADD', KEYS[10], created_at, id)
  else
    set_due(KEYS[5], KEYS[12], created_at, id)
  end
end
append_timeline(KEYS[4], order, tonumber(ARGV[11]), { ARGV[13] })
answer_caller()
return answer(id, 'created')
