-- Owes work on a subject, due now. Returns 1 when it was not owed before, or owed for later: it wants waking.
-- A webhook stays the cause, since drift is what no webhook announced; a shop once known stays known.
local function owe(sequence, index, record, subject, shop, cause, now)
  local due = redis.call('ZSCORE', index, subject)
  local found = redis.call('HMGET', record, 'shop_id', 'cause')
  if shop == '' then shop = found[1] or '' end
  if found[2] == 'webhook' or (found[2] and cause ~= 'webhook') then cause = found[2] end
  redis.call('HSET', record, 'seq', redis.call('INCR', sequence), 'shop_id', shop, 'cause', cause)
  local wake = not due or tonumber(due) > tonumber(now)
  if wake then redis.call('ZADD', index, now, subject) end
  return wake and 1 or 0
end
