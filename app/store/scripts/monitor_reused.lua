-- Notes whether the counter of reused entry ids grew since the last look.
-- KEYS 1 counters, 2 record of the watch
-- ARGV 1 now, 2 counter
-- Returns the counter, and when it was last found grown or ''. The same look sent twice gets the same answer.
local count = tonumber(redis.call('HGET', KEYS[1], ARGV[2]) or '0')
local held = redis.call('HMGET', KEYS[2], 'reused', 'grew_at')
if count ~= tonumber(held[1] or '0') then
  redis.call('HSET', KEYS[2], 'reused', count, 'grew_at', ARGV[1])
  return { count, ARGV[1] }
end
return { count, held[2] or '' }
