-- Puts a node on the list of those that may be alive.
--
-- KEYS[1]  the list
-- ARGV[1]  the node
-- ARGV[2]  milliseconds until the list ends
--
-- Adds only what is missing: see renew.lua.
if redis.call('SISMEMBER', KEYS[1], ARGV[1]) == 0 then
  redis.call('SADD', KEYS[1], ARGV[1])
end
redis.call('PEXPIRE', KEYS[1], ARGV[2])
return 1
