-- Stores the first answer under an idempotency key that is still claimed; an answer stored before stays.
local function finish_answer(record, status, body, headers, kept_s)
  if redis.call('HEXISTS', record, 'fingerprint') == 1 and redis.call('HSETNX', record, 'status', status) == 1 then
    redis.call('HSET', record, 'body', body, 'headers', headers)
    redis.call('EXPIRE', record, kept_s)
  end
end
