-- Adds users to a node's set, unless its lease has ended.
--
-- KEYS[1]  the node's set
-- ARGV     users
--
-- Without the look at the key, a node whose lease has just ended would bring the set back without an end, and its
-- next renewal would take that for a lease that was kept.
if redis.call('EXISTS', KEYS[1]) == 0 then
  return 0
end
redis.call('SADD', KEYS[1], unpack(ARGV))
return 1
