-- Clears what is pending, unless it was pending again since the sequence number was read.
-- KEYS 1 index of what is pending, 2 record of the subject
-- ARGV 1 subject, 2 sequence number, 3 prefix of the indexes by shop
-- Returns 1 when nothing is pending now, 0 when it is still pending.
--#include pending_clear
local seq = redis.call('HGET', KEYS[2], 'seq')
if seq and seq ~= ARGV[2] then
  redis.call('HDEL', KEYS[2], 'runs')
  return 0
end
clear_pending(KEYS[1], KEYS[2], ARGV[1], ARGV[3])
return 1
