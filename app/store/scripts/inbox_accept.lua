-- Takes a group of deliveries in, in their order: de-duplicates their entries, appends a row for each delivery
-- that has new ones to the inbox, counts.
-- KEYS 1 inbox, 2 entries that wait in it, 3 kept stream, 4 counters
-- ARGV 1 milliseconds a mark lives, 2 entries the inbox holds at most, 3 items kept at most, and the prefixes of
--      the keys of 4 an entry's mark, 5 its identity's record, 6 a kept item's mark; then for each delivery
--      its id, when it was received, the hints of all its entries, its number of entries, its number of kept
--      items; for each of its entries digest, identity ('' for one that is not watched); for each of its kept
--      items digest, text
-- Returns numbers in one text, which is cheaper to read than a list: 1 when the inbox was empty before the
-- group, else 0; then for each delivery accepted, duplicates, reused; accepted is -1 when the inbox has no room
-- for its new entries, and then nothing of it was taken.
-- An entry's place is its delivery's id and its position. It is kept with the entry's digest, so that the same
-- group sent twice is not its own duplicate: it is told again what was accepted.
-- The record of an identity, digest and place, is the mark of the entry that came first under it; what comes
-- under it with other content has a mark of its own, by its digest. The record lives as long as the last of
-- these: while it is there, a digest without a mark is new, and when it is gone, so are they.
local inbox, size, kept, counters = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local lifetime, most, most_kept = ARGV[1], tonumber(ARGV[2]), ARGV[3]
local seen_prefix, identity_prefix, kept_prefix = ARGV[4], ARGV[5], ARGV[6]

local before = tonumber(redis.call('GET', size) or 0)
local waiting, again_in_all = before, 0
local counted = { entries_accepted = 0, entries_duplicate = 0, entry_id_reused = 0, kept = 0 }
local answer = { 0 }
-- One account's id may come with each of its entries: its record is read once a group, and prolonged once.
local records, prolonged = {}, {}

local function is_of(record, digest) return string.sub(record, 1, #digest + 1) == digest .. ' ' end

local function is_new(digest, identity)
  local record = identity ~= '' and (records[identity] or redis.call('GET', identity_prefix .. identity))
  return not (record and is_of(record, digest)) and redis.call('EXISTS', seen_prefix .. digest) == 0
end

local function has_room(first, count)
  if waiting + count <= most then return true end
  local new = 0
  for at = first, first + 2 * count - 1, 2 do
    if is_new(ARGV[at], ARGV[at + 1]) then new = new + 1 end
  end
  return new == 0 or waiting + new <= most
end

-- Marks an entry that is new. Returns the place where its content came first, false when that is here; and, for
-- one that is new, whether its identity was known.
local function marked(digest, identity, place)
  local record = records[identity]
  if identity ~= '' and not record then
    local mark = digest .. ' ' .. place
    record = redis.call('SET', identity_prefix .. identity, mark, 'NX', 'GET', 'PX', lifetime)
    records[identity] = record or mark
    if not record then return false, false end
  end
  if record and is_of(record, digest) then return string.sub(record, #digest + 2) end
  local first_place = redis.call('SET', seen_prefix .. digest, place, 'NX', 'GET', 'PX', lifetime)
  if record and not first_place then prolonged[identity] = true end
  return first_place, record
end

local function take_entries(delivery, received_at, hints, first, count)
  local accepted, again, duplicates, reused, left_out = 0, 0, 0, 0, {}
  for i = 0, count - 1 do
    local place = delivery .. ':' .. i
    local first_place, is_reused = marked(ARGV[first + 2 * i], ARGV[first + 2 * i + 1], place)
    if first_place then
      left_out[#left_out + 1] = i
      if first_place == place then again = again + 1 else duplicates = duplicates + 1 end
    else
      accepted = accepted + 1
      if is_reused then reused = reused + 1 end
    end
  end
  if accepted > 0 then
    -- Their number comes first: inbox_pending reads it there.
    redis.call('XADD', inbox, '*', 'entries', accepted, 'left_out', table.concat(left_out, ' '),
      'hints', hints, 'delivery', delivery, 'received_at', received_at, 'v', SCHEMA_VERSION)
  end
  waiting, again_in_all = waiting + accepted, again_in_all + again
  counted.entries_accepted = counted.entries_accepted + accepted
  counted.entries_duplicate = counted.entries_duplicate + duplicates
  counted.entry_id_reused = counted.entry_id_reused + reused
  return accepted + again, duplicates, reused
end

local function keep_items(delivery, first, items)
  for at = first, first + 2 * items - 1, 2 do
    if redis.call('SET', kept_prefix .. ARGV[at], delivery, 'NX', 'PX', lifetime) then
      redis.call('XADD', kept, 'MAXLEN', most_kept, '*', 'item', ARGV[at + 1])
      counted.kept = counted.kept + 1
    end
  end
end

local at = 7
while ARGV[at] do
  local delivery, count, items = ARGV[at], tonumber(ARGV[at + 3]), tonumber(ARGV[at + 4])
  local accepted, duplicates, reused = -1, 0, 0
  if has_room(at + 5, count) then
    accepted, duplicates, reused = take_entries(delivery, ARGV[at + 1], ARGV[at + 2], at + 5, count)
    keep_items(delivery, at + 5 + 2 * count, items)
  end
  answer[#answer + 1], answer[#answer + 2], answer[#answer + 3] = accepted, duplicates, reused
  at = at + 5 + 2 * count + 2 * items
end

for identity in pairs(prolonged) do redis.call('PEXPIRE', identity_prefix .. identity, lifetime) end
for name, by in pairs(counted) do
  if by > 0 then redis.call('HINCRBY', counters, name, by) end
end
if waiting > before then redis.call('SET', size, waiting) end
if before <= again_in_all then answer[1] = 1 end
return table.concat(answer, ' ')
