-- Reads one page of an index, highest score first, with the record of each row. Changes nothing.
-- KEYS[1] the index to walk; KEYS[2..] indexes a row must be in as well
-- ARGV 1 rows wanted, 2 rows looked at at most, 3 score that rows must exceed or '',
--      4 and 5 score and member where the last page stopped or '', 6 prefix of the records
-- Returns { {id, {field, value, ...}}...}, score and member where it stopped ('' when nothing is left).
local wanted, most, floor = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local stopped_at, stopped_on, prefix = ARGV[4], ARGV[5], ARGV[6]
local CHUNK = 100

-- Bytewise, as the index orders its ties; Lua's own comparison follows the locale.
local function at_or_above(a, b)
  for i = 1, math.min(#a, #b) do
    local x, y = a:byte(i), b:byte(i)
    if x ~= y then return x > y end
  end
  return #a >= #b
end

local function first_rank()
  if stopped_at == '' then return 0 end
  local low = redis.call('ZCOUNT', KEYS[1], '(' .. stopped_at, '+inf')
  local high = low + redis.call('ZCOUNT', KEYS[1], stopped_at, stopped_at)
  while low < high do
    local middle = math.floor((low + high) / 2)
    local found = redis.call('ZREVRANGE', KEYS[1], middle, middle)[1]
    if at_or_above(found, stopped_on) then low = middle + 1 else high = middle end
  end
  return low
end

local function in_all(member)
  for i = 2, #KEYS do
    if not redis.call('ZSCORE', KEYS[i], member) then return false end
  end
  return true
end

local rows, rank, looked = {}, first_rank(), 0
local last_score, last_member = '', ''
while true do
  local chunk = redis.call('ZREVRANGE', KEYS[1], rank, rank + CHUNK - 1, 'WITHSCORES')
  if #chunk == 0 then return { rows, '', '' } end
  for i = 1, #chunk, 2 do
    local member, score = chunk[i], chunk[i + 1]
    if floor and tonumber(score) <= floor then return { rows, '', '' } end
    if #rows >= wanted or looked >= most then return { rows, last_score, last_member } end
    looked = looked + 1
    last_score, last_member = score, member
    if in_all(member) then
      local record = redis.call('HGETALL', prefix .. member)
      if #record > 0 then rows[#rows + 1] = { member, record } end
    end
  end
  rank = rank + CHUNK
end
