-- Lists what is pending and due, the longest due first. Changes nothing.
-- KEYS 1 index of what is pending
-- ARGV 1 now, 2 how many, 3 prefix of the records
-- Returns { {subject, due time, seq, shop id, cause, failures or false, error or false}... }.
local found = {}
local rows = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', ARGV[1], 'WITHSCORES', 'LIMIT', 0, ARGV[2])
for i = 1, #rows, 2 do
  local record = redis.call('HMGET', ARGV[3] .. rows[i], 'seq', 'shop_id', 'cause', 'failures', 'error')
  found[#found + 1] = { rows[i], rows[i + 1], record[1], record[2], record[3], record[4], record[5] }
end
return found
