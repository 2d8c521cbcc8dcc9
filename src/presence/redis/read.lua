#!lua flags=allow-oom
-- Finds who is there.
--
-- KEYS 1 users
-- ARGV 1 how presence keys begin, 2 how the flags of living nodes begin, 3 the node that asks, 4 … the sessions asked for; none: all
-- Returns a list of {session, node, author, user, role, fields}, without sessions of the node that asks and of nodes that are not alive.
-- One step, so that it is one round trip; the other keys lie in the slot of the first. Who has no presence key any more is taken off the list.
-- A node beats every 2 s, and its flag lives 7 s from its last beat. Who has missed a beat is not read: if it lives, its next beat names its sessions; if
-- not, they would be shown for 7 s more, and nobody may be shown 10 s after a node has died.
local FRESH_MS = 4000
local all = #ARGV == 3
local asked = all and redis.call('SMEMBERS', KEYS[1]) or {}
for at = 4, #ARGV do asked[at - 3] = ARGV[at] end
local alive, found = {}, {}
for _, session in ipairs(asked) do
  local hash = {}
  local flat = redis.call('HGETALL', ARGV[1] .. session)
  for at = 1, #flat, 2 do hash[flat[at]] = flat[at + 1] end
  local node = hash.node
  if not node then
    if all then redis.call('SREM', KEYS[1], session) end
  elseif node ~= ARGV[3] then
    if alive[node] == nil then alive[node] = redis.call('PTTL', ARGV[2] .. node) > FRESH_MS end
    if alive[node] then
      found[#found + 1] = { session, node, hash.author or '', hash.user or '', hash.role or '', hash.fields or '' }
    end
  end
end
return found
