-- Ends the claim of a probe.
-- KEYS 1 admission state
-- ARGV 1 token of the claim
-- Returns 1; 0 when the claim is another's now.
if redis.call('HGET', KEYS[1], 'probe_token') ~= ARGV[1] then return 0 end
redis.call('HDEL', KEYS[1], 'probe_token', 'probe_until')
return 1
