-- Opens an alert of a cause, or notes that the cause of an open one was noticed again.
-- KEYS 1 causes, 2 all alerts, 3 open alerts, 4 untold news, 5 counters, 6 lapsing causes
-- ARGV 1 cause, 2 id of this notice (the alert's, when it opens one), 3 now, 4 kind, 5 subject, 6 shop id or '',
--      7 text, 8 alerts open at most, 9 '1' when operators are to be told, 10 counter, 11 prefix of alerts,
--      12 when the alert lapses unless it is noticed again, or ''
-- Returns 'opened', 'again', or 'full' with nothing changed. The same notice sent twice gets the same answer.
local cause, id, now = ARGV[1], ARGV[2], ARGV[3]
local latest = redis.call('HGET', KEYS[1], cause)
if latest then
  local record = ARGV[11] .. latest
  local held = redis.call('HMGET', record, 'state', 'noticed')
  if held[1] == 'open' then
    if latest == id then return 'opened' end
    if held[2] ~= id then
      redis.call('HINCRBY', record, 'count', 1)
      redis.call('HSET', record, 'noticed', id, 'last_at', now, 'text', ARGV[7])
      if ARGV[12] ~= '' then redis.call('ZADD', KEYS[6], ARGV[12], cause) end
    end
    return 'again'
  end
  if latest == id then return 'opened' end
end
if redis.call('ZCARD', KEYS[3]) >= tonumber(ARGV[8]) then return 'full' end

redis.call('HSET', ARGV[11] .. id, 'v', SCHEMA_VERSION, 'id', id, 'cause', cause, 'kind', ARGV[4], 'subject', ARGV[5],
  'shop_id', ARGV[6], 'text', ARGV[7], 'state', 'open', 'first_at', now, 'last_at', now, 'count', 1,
  'noticed', id)
redis.call('HSET', KEYS[1], cause, id)
redis.call('ZADD', KEYS[2], now, id)
redis.call('ZADD', KEYS[3], now, id)
if ARGV[12] ~= '' then redis.call('ZADD', KEYS[6], ARGV[12], cause) end
if ARGV[9] == '1' then redis.call('ZADD', KEYS[4], now, id .. ':opened') end
redis.call('HINCRBY', KEYS[5], ARGV[10], 1)
return 'opened'
