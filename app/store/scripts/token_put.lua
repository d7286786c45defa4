-- Keeps the new token of one shop, and tells every process to look.
-- KEYS 1 tokens, 2 version
-- ARGV 1 shop id, 2 token text (its nonce makes it new every time)
-- Returns the version. Sent twice it changes nothing.
if redis.call('HGET', KEYS[1], ARGV[1]) ~= ARGV[2] then
  redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
  redis.call('INCR', KEYS[2])
end
return redis.call('GET', KEYS[2])
