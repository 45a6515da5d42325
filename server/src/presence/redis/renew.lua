-- Starts or renews a node's lease.
--
-- KEYS[1]  the node's set
-- KEYS[2]  the list of nodes
-- ARGV[1]  the member that stands for the lease itself
-- ARGV[2]  milliseconds until the lease ends
-- ARGV[3]  the node
-- ARGV[4]  milliseconds until the list ends
--
-- Returns 1 if the lease was alive, 0 if it is new.
--
-- Adds only what is missing: a Redis whose memory is full refuses to add, and still keeps what is there alive.
local kept = redis.call('EXISTS', KEYS[1])
if kept == 0 then
  redis.call('SADD', KEYS[1], ARGV[1])
end
redis.call('PEXPIRE', KEYS[1], ARGV[2])
if redis.call('SISMEMBER', KEYS[2], ARGV[3]) == 0 then
  redis.call('SADD', KEYS[2], ARGV[3])
end
redis.call('PEXPIRE', KEYS[2], ARGV[4])
return kept
