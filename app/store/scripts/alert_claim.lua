-- Takes news to report, and reschedules it: when the process that took it dies, another one reports it.
-- KEYS 1 untold news
-- ARGV 1 now, 2 when to tell it again unless it was told, 3 how many at most, 4 prefix of alerts
-- Returns { {news, {field, value, ...}}... }, the longest waiting first.
local found = {}
for _, news in ipairs(redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', ARGV[1], 'LIMIT', 0, ARGV[3])) do
  redis.call('ZADD', KEYS[1], ARGV[2], news)
  found[#found + 1] = { news, redis.call('HGETALL', ARGV[4] .. news:match('^(.*):')) }
end
return found
