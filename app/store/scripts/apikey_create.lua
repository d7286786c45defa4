-- Stores an API key under the digest of its secret.
-- KEYS 1 record, 2 digests by key id
-- ARGV 1 key id, 2 digest, 3 name, 4 scopes, 5 creation time, 6 keys at most
-- Returns 'created', also when the same key was created before; 'taken' when the id or the secret belongs to
-- another key; 'full'.
local known = redis.call('HGET', KEYS[2], ARGV[1])
local owner = redis.call('HGET', KEYS[1], 'id')
if known or owner then
  return (known == ARGV[2] and owner == ARGV[1]) and 'created' or 'taken'
end
if redis.call('HLEN', KEYS[2]) >= tonumber(ARGV[6]) then return 'full' end
redis.call('HSET', KEYS[1], 'v', SCHEMA_VERSION, 'id', ARGV[1], 'name', ARGV[3], 'scopes', ARGV[4], 'created_at', ARGV[5])
redis.call('HSET', KEYS[2], ARGV[1], ARGV[2])
return 'created'
