-- Deletes an API key.
-- KEYS 1 digests by key id
-- ARGV 1 key id, 2 prefix of the records
-- Returns 1; 0 when there is no such key.
local digest = redis.call('HGET', KEYS[1], ARGV[1])
if not digest then return 0 end
redis.call('DEL', ARGV[2] .. digest)
redis.call('HDEL', KEYS[1], ARGV[1])
return 1
