-- Takes one delivery in: de-duplicates its entries, appends the new ones to the inbox, counts.
-- KEYS 1 inbox, 2 kept stream, 3 counters, then for each entry its mark and its identity's record, then for
--      each kept item its mark
-- ARGV 1 delivery id, 2 number of entries, 3 milliseconds a mark lives, 4 entries the inbox holds at most,
--      5 items kept at most, then for each entry digest, '1' to watch its identity, entry text; then for
--      each kept item its text
-- Returns accepted, duplicates, reused, '1' when the inbox was empty before; or 'full', with nothing changed.
-- A mark holds delivery id and position, so that the same delivery sent twice is not its own duplicate: it is
-- told again what was accepted.
local inbox, kept, counters = KEYS[1], KEYS[2], KEYS[3]
local delivery, count, lifetime = ARGV[1], tonumber(ARGV[2]), ARGV[3]

local length = redis.call('XLEN', inbox)
if length + count > tonumber(ARGV[4]) then return { 'full', 0, 0, '0' } end

local accepted, again, duplicates, reused = 0, 0, 0, 0
for i = 1, count do
  local mark, identity = KEYS[2 + 2 * i], KEYS[3 + 2 * i]
  local digest, watched, text = ARGV[3 + 3 * i], ARGV[4 + 3 * i], ARGV[5 + 3 * i]
  local position = delivery .. ':' .. i
  local seen = redis.call('GET', mark)
  if not seen then
    redis.call('SET', mark, position, 'PX', lifetime)
    redis.call('XADD', inbox, '*', 'entry', text)
    accepted = accepted + 1
    if watched == '1' then
      local last = redis.call('GET', identity)
      if last and last ~= digest then reused = reused + 1 end
      redis.call('SET', identity, digest, 'PX', lifetime)
    end
  elseif seen == position then
    again = again + 1
  else
    duplicates = duplicates + 1
  end
end

local first_mark, first_text = 3 + 2 * count, 5 + 3 * count
local kept_count = 0
for i = 1, #KEYS - first_mark do
  if redis.call('SET', KEYS[first_mark + i], delivery, 'NX', 'PX', lifetime) then
    redis.call('XADD', kept, 'MAXLEN', ARGV[5], '*', 'item', ARGV[first_text + i])
    kept_count = kept_count + 1
  end
end

local function tally(name, by)
  if by > 0 then redis.call('HINCRBY', counters, name, by) end
end
tally('entries_accepted', accepted)
tally('entries_duplicate', duplicates)
tally('entry_id_reused', reused)
tally('kept', kept_count)
return { accepted + again, duplicates, reused, length <= again and '1' or '0' }
