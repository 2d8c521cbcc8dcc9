#!lua flags=allow-oom
-- Takes, keeps or gives back the right to save a project.
--
-- KEYS 1 claim
-- ARGV 1 node, 2 lease in ms; 0 gives it back
-- Returns 1: this node has it, or nobody has any more; 0: another has it
-- Atomic: between the look and the write another node could take it.
local owner = redis.call('GET', KEYS[1])
if owner and owner ~= ARGV[1] then return 0 end
if tonumber(ARGV[2]) <= 0 then
    redis.call('DEL', KEYS[1])
    return 1
end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1
