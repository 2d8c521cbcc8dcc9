#!lua flags=no-writes
-- Lists the projects of a bucket that have unsaved commits, and how old the oldest of these is.
--
-- KEYS 1 dirty index
-- Returns a list: project, age in ms, project, age in ms, ...
-- By the server's clock, by which the marks were set, so that no clock of a node matters.
-- {history}
local now, left = now_ms(), {}
local found = redis.call('ZRANGE', KEYS[1], 0, -1, 'WITHSCORES')
for i = 1, #found, 2 do
    left[i] = found[i]
    left[i + 1] = math.max(0, math.floor(now - tonumber(found[i + 1])))
end
return left
