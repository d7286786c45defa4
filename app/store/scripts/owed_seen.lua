-- Clears what was owed on these subjects by the time a listing that shows them was asked for.
-- KEYS 1 index of what is owed
-- ARGV 1 the sequence's value when it was asked for, 2 prefix of the records, 3 prefix of the indexes by shop,
--      4.. subjects
-- Returns how many were cleared. What was owed later stays: it may be news that the listing does not show.
--#include owed_clear
local cleared = 0
for i = 4, #ARGV do
  local record = ARGV[2] .. ARGV[i]
  local seq = redis.call('HGET', record, 'seq')
  if seq and tonumber(seq) <= tonumber(ARGV[1]) then
    clear_owed(KEYS[1], record, ARGV[i], ARGV[3])
    cleared = cleared + 1
  end
end
return cleared
