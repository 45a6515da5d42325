-- Starts or renews a node's lease.
--
-- KEYS[1]  the node's set
-- ARGV[1]  the member that stands for the lease itself
-- ARGV[2]  milliseconds until the lease ends
--
-- Returns 1 if the lease was alive, 0 if it is new.
--
-- Adds only what is missing: a Redis whose memory is full refuses to add, and still keeps what is there alive.
local kept = redis.call('EXISTS', KEYS[1])
if kept == 0 then
  redis.call('SADD', KEYS[1], ARGV[1])
end
redis.call('PEXPIRE', KEYS[1], ARGV[2])
return kept
