-- Moves the end of a lease forward.
-- KEYS 1 command, 2 leases
-- ARGV 1 id, 2 lease token, 3 new end
-- Returns 1; 0 when the lease is another's.
local held = redis.call('HMGET', KEYS[1], 'lease_token', 'lease_until')
if held[1] ~= ARGV[2] then return 0 end
if tonumber(ARGV[3]) > tonumber(held[2]) then
  redis.call('HSET', KEYS[1], 'lease_until', ARGV[3])
  redis.call('ZADD', KEYS[2], ARGV[3], ARGV[1])
end
return 1
