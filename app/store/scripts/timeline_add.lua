-- Appends entries to an order's timeline; an entry already among the last ones is not appended again.
-- KEYS 1 order, 2 timeline
-- ARGV 1 timeline entries kept at most, 2 how many of the last ones to compare with, 3.. entries
-- Returns how many were appended.
--#include timeline
local known, new = {}, {}
for _, entry in ipairs(redis.call('LRANGE', KEYS[2], -tonumber(ARGV[2]), -1)) do known[entry] = true end
for i = 3, #ARGV do
  if not known[ARGV[i]] then new[#new + 1] = ARGV[i] end
end
append_timeline(KEYS[2], KEYS[1], tonumber(ARGV[1]), new)
return #new
