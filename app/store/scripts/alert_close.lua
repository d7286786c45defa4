-- Closes the open alert of a cause, and forgets the alerts that closed longest ago when too many are kept.
-- KEYS 1 causes, 2 all alerts, 3 open alerts, 4 closed alerts, 5 untold news, 6 counters,
--      7 lapsing causes
-- ARGV 1 cause, 2 token of this close, 3 now, 4 closed alerts kept at most, 5 '1' when operators are to be
--      told, 6 counter, 7 prefix of alerts
-- Returns 1 when it closed one, 0 when none was open. The same close sent twice gets the same answer.
local id = redis.call('HGET', KEYS[1], ARGV[1])
if not id then return 0 end
local record, now = ARGV[7] .. id, ARGV[3]
local held = redis.call('HMGET', record, 'state', 'closed_by')
if held[1] ~= 'open' then return held[2] == ARGV[2] and 1 or 0 end

redis.call('HSET', record, 'state', 'closed', 'closed_at', now, 'closed_by', ARGV[2])
redis.call('ZREM', KEYS[3], id)
redis.call('ZREM', KEYS[7], ARGV[1])
redis.call('ZADD', KEYS[4], now, id)
if ARGV[5] == '1' then redis.call('ZADD', KEYS[5], now, id .. ':closed') end
redis.call('HINCRBY', KEYS[6], ARGV[6], 1)

local over = redis.call('ZCARD', KEYS[4]) - tonumber(ARGV[4])
if over > 0 then
  for _, old in ipairs(redis.call('ZRANGE', KEYS[4], 0, over - 1)) do
    local cause = redis.call('HGET', ARGV[7] .. old, 'cause')
    if cause and redis.call('HGET', KEYS[1], cause) == old then redis.call('HDEL', KEYS[1], cause) end
    redis.call('DEL', ARGV[7] .. old)
    redis.call('ZREM', KEYS[2], old)
    redis.call('ZREM', KEYS[4], old)
    redis.call('ZREM', KEYS[5], old .. ':opened', old .. ':closed')
  end
end
return 1
