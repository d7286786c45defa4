-- Clears what was pending on these subjects by the time a listing that shows them was asked for.
-- KEYS 1 index of what is pending
-- ARGV 1 the sequence's value when it was asked for, 2 prefix of the records, 3 prefix of the indexes by shop,
--      4.. subjects
-- Returns how many were cleared. What was pending later stays: it may be news that the listing does not show.
--#include pending_clear
local cleared = 0
for i = 4, #ARGV do
  local record = ARGV[2] .. ARGV[i]
  local seq = redis.call('HGET', record, 'seq')
  if seq and tonumber(seq) <= tonumber(ARGV[1]) then
    clear_pending(KEYS[1], record, ARGV[i], ARGV[3])
    cleared = cleared + 1
  end
end
return cleared
