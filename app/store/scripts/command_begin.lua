-- Writes an attempt down before its call is made, with the bytes it sends and the key they carry.
-- KEYS 1 command
-- ARGV 1 lease token, 2 now, 3 attempt number, 4 attempt, 5 wire request, 6 idempotency key,
--      7 attempts kept at most
-- Returns 1; 0 when the lease is another's or over.
local held = redis.call('HMGET', KEYS[1], 'lease_token', 'lease_until')
if held[1] ~= ARGV[1] or tonumber(held[2]) <= tonumber(ARGV[2]) then return 0 end
local number = tonumber(ARGV[3])
redis.call('HSET', KEYS[1], 'attempt:' .. ARGV[3], ARGV[4], 'wire', ARGV[5], 'idempotency_key', ARGV[6],
  'last_attempt', ARGV[3])
redis.call('HDEL', KEYS[1], 'paused', 'attempt:' .. string.format('%d', number - tonumber(ARGV[7])))
return 1
