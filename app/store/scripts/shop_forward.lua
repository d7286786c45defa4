-- Moves a time of a shop's record forward, never back.
-- KEYS 1 record
-- ARGV 1 field, 2 time
-- Returns the time as it stands now.
local found = redis.call('HGET', KEYS[1], ARGV[1])
if found and tonumber(found) >= tonumber(ARGV[2]) then return found end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
return ARGV[2]
