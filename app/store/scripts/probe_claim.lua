-- Claims the one probe of a paused shop.
-- KEYS 1 admission state
-- ARGV 1 now, 2 token of the claim, 3 end of the claim, 4 '1' to probe whatever stands and whenever
-- Returns 1; 0 when nothing is to be probed yet, or another probes. The token that holds the claim gets 1.
local state = KEYS[1]
local now = tonumber(ARGV[1])
local found = redis.call('HMGET', state, 'breaker_probe_at', 'token_probe_at', 'probe_token', 'probe_until')
if found[3] == ARGV[2] then return 1 end
if found[4] and tonumber(found[4]) > now then return 0 end
local due = false
for i = 1, 2 do due = due or (found[i] and tonumber(found[i]) <= now) end
if ARGV[4] ~= '1' and not due then return 0 end
redis.call('HSET', state, 'probe_token', ARGV[2], 'probe_until', ARGV[3])
return 1
