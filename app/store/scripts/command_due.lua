-- Lists the commands of some indexes whose time has come, the longest waiting first. Changes nothing.
-- KEYS due indexes, or the leases
-- ARGV 1 now, 2 how many of each index, 3 prefix of commands
-- Returns { {id, time, kind, order id, shop id, runs in a row that never settled or nil}... }.
local found = {}
for _, index in ipairs(KEYS) do
  local rows = redis.call('ZRANGEBYSCORE', index, '-inf', ARGV[1], 'WITHSCORES', 'LIMIT', 0, ARGV[2])
  for i = 1, #rows, 2 do
    local record = redis.call('HMGET', ARGV[3] .. rows[i], 'kind', 'order_id', 'shop_id', 'lost_runs')
    found[#found + 1] = { rows[i], rows[i + 1], record[1], record[2], record[3],
      record[4] }
  end
end
return found
