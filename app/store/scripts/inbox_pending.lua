-- Reads the rows that have waited longest, until they hold so many entries. Changes nothing.
-- KEYS 1 inbox
-- ARGV 1 entries wanted
-- Returns { {id, {field, value, ...}}... }; the last row may hold more entries than were wanted.
local wanted = tonumber(ARGV[1])
-- A row may hold thousands of entries, and nobody knows before it is read.
local CHUNK = 10
local rows, entries, from = {}, 0, '-'
repeat
  local chunk = redis.call('XRANGE', KEYS[1], from, '+', 'COUNT', CHUNK)
  for _, row in ipairs(chunk) do
    if entries >= wanted then return rows end
    rows[#rows + 1] = row
    entries = entries + row[2][2]
    from = '(' .. row[1]
  end
until #chunk < CHUNK
return rows
