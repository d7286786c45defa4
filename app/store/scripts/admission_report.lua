-- Notes what answers of the platform said, and pauses or resumes the shop.
-- KEYS 1 admission state
-- ARGV 1 now, 2 token of this report, 3 calls answered, 4 calls failed, 5 'throttled', 'token' or '',
--      6 '1' for a probe, 7 usage percent or '', 8 wait until the platform takes calls again or '',
--      9 text of the token error, 10 window, 11 least calls, 12 rate, 13 probe after, 14 least throttle,
--      15 most throttle (all lengths in microseconds)
-- Returns {holds that began}, {holds that ended}, time of the next probe or ''.
-- The same report again changes nothing and gets the first answer. The counts of a window live in six
-- buckets; the newest six count.
local admission = KEYS[1]
local now, answered, failed = tonumber(ARGV[1]), tonumber(ARGV[3]), tonumber(ARGV[4])
local verdict, probe = ARGV[5], ARGV[6] == '1'
local percent, window = tonumber(ARGV[7]), tonumber(ARGV[10])
local probe_at = string.format('%.0f', now + tonumber(ARGV[13]))
local began, ended = {}, {}

local state = {}
local rows = redis.call('HGETALL', admission)
for i = 1, #rows, 2 do state[rows[i]] = rows[i + 1] end
if state.report == ARGV[2] then return cjson.decode(state.report_answer) end

local function set(...) redis.call('HSET', admission, ...) end
local function drop(...) redis.call('HDEL', admission, ...) end
local function forget_window()
  for field in pairs(state) do
    if field:sub(1, 7) == 'bucket:' then drop(field) end
  end
end

local function breaker()
  if state.breaker_since then
    if not probe then return end
    if failed > 0 then
      set('breaker_probe_at', probe_at)
    else
      drop('breaker_since', 'breaker_probe_at')
      ended[#ended + 1] = 'breaker'
    end
    return
  end
  local newest = math.floor(now / (window / 6))
  local calls, failures = 0, 0
  state['bucket:' .. newest] = state['bucket:' .. newest] or '0 0'
  for field, counts in pairs(state) do
    local number = tonumber(field:match('^bucket:(%d+)$'))
    if number and number <= newest - 6 then
      drop(field)
    elseif number then
      local all, bad = counts:match('(%d+) (%d+)')
      all, bad = tonumber(all), tonumber(bad)
      if number == newest then
        all, bad = all + answered + failed, bad + failed
        set(field, all .. ' ' .. bad)
      end
      calls, failures = calls + all, failures + bad
    end
  end
  if failed > 0 and calls >= tonumber(ARGV[11]) and failures >= tonumber(ARGV[12]) * calls then
    forget_window()
    drop('bucket:' .. newest)
    set('breaker_since', ARGV[1], 'breaker_probe_at', probe_at)
    began[#began + 1] = 'breaker'
  end
end

local function token()
  if verdict == 'token' then
    if not state.token_since then
      -- A token that probes well and is refused again soon after is probed ever later, up to 32 times.
      local soon = state.token_ended and now - tonumber(state.token_ended) < 600e6
      local turns = soon and math.min(tonumber(state.token_turns or '0') + 1, 5) or 0
      set('token_since', ARGV[1], 'token_turns', turns, 'token_text', ARGV[9],
        'token_probe_at', string.format('%.0f', now + tonumber(ARGV[13]) * 2 ^ turns))
      began[#began + 1] = 'token'
    elseif probe then
      set('token_probe_at', probe_at)
    end
  elseif probe and state.token_since then
    if verdict == '' and failed == 0 then
      drop('token_since', 'token_probe_at', 'token_text')
      set('token_ended', ARGV[1])
      ended[#ended + 1] = 'token'
    else
      set('token_probe_at', probe_at)
    end
  end
end

local function usage()
  if percent then set('usage_percent', percent, 'usage_at', ARGV[1]) end
  local standing = state.usage_until and tonumber(state.usage_until) > now
  if verdict == 'throttled' or (percent and percent >= 100) then
    local said, till = tonumber(ARGV[8]), nil
    if standing then
      till = math.max(said or 0, tonumber(state.usage_until))
    else
      local turns = math.min(tonumber(state.usage_turns or '0'), 20)
      till = said or now + math.min(tonumber(ARGV[14]) * 2 ^ turns, tonumber(ARGV[15]))
      set('usage_turns', turns + 1)
    end
    set('usage_until', string.format('%.0f', till))
    if not state.usage_since then
      set('usage_since', ARGV[1])
      began[#began + 1] = 'usage'
    end
  elseif state.usage_since and not standing and answered > 0 then
    drop('usage_since', 'usage_until', 'usage_turns')
    ended[#ended + 1] = 'usage'
  end
end

breaker()
token()
usage()
local next_probe = redis.call('HMGET', admission, 'breaker_probe_at', 'token_probe_at')
local answer = { began, ended, next_probe[1] or next_probe[2] or '' }
set('report', ARGV[2], 'report_answer', cjson.encode(answer))
return answer
