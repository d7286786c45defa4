-- Gives a claim up, so that the key may be used again for anything; a stored answer stays.
-- KEYS 1 record
if redis.call('HEXISTS', KEYS[1], 'status') == 0 then redis.call('DEL', KEYS[1]) end
