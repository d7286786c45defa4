-- Appends entries to a timeline and drops the oldest beyond `most`; the order's record counts the dropped.
local function append_timeline(timeline, order, most, entries)
  for _, entry in ipairs(entries) do redis.call('RPUSH', timeline, entry) end
  local over = redis.call('LLEN', timeline) - most
  if over > 0 then
    redis.call('LTRIM', timeline, over, -1)
    redis.call('HINCRBY', order, 'timeline_dropped', over)
  end
end
