-- Takes a group of deliveries in, in their order: de-duplicates their entries, appends the new ones to the
-- inbox, counts.
-- KEYS 1 inbox, 2 kept stream, 3 counters
-- ARGV 1 milliseconds a mark lives, 2 entries the inbox holds at most, 3 items kept at most, and the prefixes of
--      the keys of 4 an entry's mark, 5 its identity's record, 6 a kept item's mark; then for each delivery
--      its id, what its entries keep of it, its number of entries, its number of kept items; for each of its
--      entries digest, identity ('' for one that is not watched), hints; for each of its kept items digest, text
-- Returns numbers in one text, which is cheaper to read than a list: 1 when the inbox was empty before the
-- group, else 0; then for each delivery accepted, duplicates, reused; accepted is -1 when the inbox has no room
-- for its new entries, and then nothing of it was taken.
-- A mark holds delivery id and position, so that the same group sent twice is not its own duplicate: it is
-- told again what was accepted.
local inbox, kept, counters = KEYS[1], KEYS[2], KEYS[3]
local lifetime, most, most_kept = ARGV[1], tonumber(ARGV[2]), ARGV[3]
local seen_prefix, identity_prefix, kept_prefix = ARGV[4], ARGV[5], ARGV[6]

local before = redis.call('XLEN', inbox)
local waiting, again_in_all = before, 0
local counted = { entries_accepted = 0, entries_duplicate = 0, entry_id_reused = 0, kept = 0 }
local answer = { 0 }
-- One account's id comes with each of its entries: the record of an identity is read once a group, and written
-- once more where a later entry changed it.
local latest, changed = {}, {}

local function has_room(first, count)
  if waiting + count <= most then return true end
  local new = 0
  for i = 0, count - 1 do new = new + 1 - redis.call('EXISTS', seen_prefix .. ARGV[first + 3 * i]) end
  return new == 0 or waiting + new <= most
end

local function is_reused(identity, digest)
  local last = latest[identity]
  if last == nil then
    last = redis.call('SET', identity_prefix .. identity, digest, 'GET', 'PX', lifetime)
  elseif last ~= digest then
    changed[identity] = true
  end
  latest[identity] = digest
  return last and last ~= digest
end

local function take_entries(delivery, came, first, count)
  local accepted, again, duplicates, reused = 0, 0, 0, 0
  for i = 1, count do
    local at = first + 3 * (i - 1)
    local digest, identity = ARGV[at], ARGV[at + 1]
    local position = delivery .. ':' .. i
    if redis.call('SET', seen_prefix .. digest, position, 'NX', 'PX', lifetime) then
      redis.call('XADD', inbox, '*', 'hints', ARGV[at + 2], 'came', came)
      accepted = accepted + 1
      if identity ~= '' and is_reused(identity, digest) then reused = reused + 1 end
    elseif redis.call('GET', seen_prefix .. digest) == position then
      again = again + 1
    else
      duplicates = duplicates + 1
    end
  end
  waiting, again_in_all = waiting + accepted, again_in_all + again
  counted.entries_accepted = counted.entries_accepted + accepted
  counted.entries_duplicate = counted.entries_duplicate + duplicates
  counted.entry_id_reused = counted.entry_id_reused + reused
  return accepted + again, duplicates, reused
end

local function keep_items(delivery, first, items)
  for i = 0, items - 1 do
    if redis.call('SET', kept_prefix .. ARGV[first + 2 * i], delivery, 'NX', 'PX', lifetime) then
      redis.call('XADD', kept, 'MAXLEN', most_kept, '*', 'item', ARGV[first + 2 * i + 1])
      counted.kept = counted.kept + 1
    end
  end
end

local at = 7
while ARGV[at] do
  local delivery, came = ARGV[at], ARGV[at + 1]
  local count, items = tonumber(ARGV[at + 2]), tonumber(ARGV[at + 3])
  local accepted, duplicates, reused = -1, 0, 0
  if has_room(at + 4, count) then
    accepted, duplicates, reused = take_entries(delivery, came, at + 4, count)
    keep_items(delivery, at + 4 + 3 * count, items)
  end
  answer[#answer + 1], answer[#answer + 2], answer[#answer + 3] = accepted, duplicates, reused
  at = at + 4 + 3 * count + 2 * items
end

for identity in pairs(changed) do
  redis.call('SET', identity_prefix .. identity, latest[identity], 'PX', lifetime)
end
for name, by in pairs(counted) do
  if by > 0 then redis.call('HINCRBY', counters, name, by) end
end
if before <= again_in_all then answer[1] = 1 end
return table.concat(answer, ' ')
