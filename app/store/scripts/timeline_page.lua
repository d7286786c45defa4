-- Reads entries of a timeline by their number since the order was found. Changes nothing.
-- KEYS 1 order, 2 timeline
-- ARGV 1 number of the first entry wanted, 2 entries wanted
-- Returns number after the last one returned, how many entries there have ever been, {entry...}.
local dropped = tonumber(redis.call('HGET', KEYS[1], 'timeline_dropped') or '0')
local first = math.max(tonumber(ARGV[1]), dropped)
local entries = redis.call('LRANGE', KEYS[2], first - dropped, first - dropped + tonumber(ARGV[2]) - 1)
return { first + #entries, dropped + redis.call('LLEN', KEYS[2]), entries }
