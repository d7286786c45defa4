-- Judges differences that were found some time ago: announced by a webhook meanwhile, or drift.
-- KEYS 1 suspects, 2 orders by when a webhook named them, 3 drift, 4 counters
-- ARGV 1 now, 2 how many, 3 drift entries kept at most
-- Returns the texts of those that are drift. Sent twice, it continues with the next ones.
-- A webhook counts when it came after the copy was read before: an earlier one announced an earlier change.
local drift = {}
for _, text in ipairs(redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', ARGV[1], 'LIMIT', 0, ARGV[2])) do
  local entry = cjson.decode(text)
  local hinted = redis.call('ZSCORE', KEYS[2], entry.order_id)
  if not hinted or tonumber(hinted) <= tonumber(entry.since) then
    redis.call('XADD', KEYS[3], 'MAXLEN', ARGV[3], '*', 'entry', text)
    redis.call('HINCRBY', KEYS[4], 'drift', 1)
    drift[#drift + 1] = text
  end
  redis.call('ZREM', KEYS[1], text)
end
return drift
