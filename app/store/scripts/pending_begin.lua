-- Reads what is pending on one subject, and counts that work on it begins.
-- KEYS 1 index of what is pending, 2 record of the subject
-- ARGV 1 subject
-- Returns its due time and its record {field, value, ...}, in it `runs`, those begun since one ended; or
-- nothing. Sent twice, it counts twice: a run too many only brings the quarantine one run nearer.
local due = redis.call('ZSCORE', KEYS[1], ARGV[1])
if not due or redis.call('EXISTS', KEYS[2]) == 0 then return {} end
redis.call('HINCRBY', KEYS[2], 'runs', 1)
return { due, redis.call('HGETALL', KEYS[2]) }
