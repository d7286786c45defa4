-- Puts off what is pending after a failure, unless it was pending again since the sequence number was read.
-- KEYS 1 index of what is pending, 2 record of the subject
-- ARGV 1 subject, 2 sequence number, 3 new due time, 4 failures so far, 5 error,
--      6 prefix of the indexes by shop
-- Returns 1; 0 when it was pending again, or is no longer pending.
if redis.call('HGET', KEYS[2], 'seq') ~= ARGV[2] then return 0 end
redis.call('HSET', KEYS[2], 'failures', ARGV[4], 'error', ARGV[5])
redis.call('HDEL', KEYS[2], 'runs')
redis.call('ZADD', KEYS[1], ARGV[3], ARGV[1])
local shop = redis.call('HGET', KEYS[2], 'shop_id')
if ARGV[6] ~= '' and shop and shop ~= '' then redis.call('ZADD', ARGV[6] .. shop, ARGV[3], ARGV[1]) end
return 1
