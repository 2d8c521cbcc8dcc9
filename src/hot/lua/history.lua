-- Stands before the scripts that compare histories; no script of its own.
--
-- A position is 24 bytes: epoch, seq and commit id, 8 each, numbers big-endian. A packed run (src/protocol/run.rs) has its first seq at bytes 2-9,
-- the commit id before it at 10-17 and its own commit ids from byte 38 on. A stream entry has the seq of the run's last commit as its id and the run
-- as the value of its only field.

local sub, pack, unpack_bytes = string.sub, struct.pack, struct.unpack

-- The epoch of a state that is there as a whole; nil when any part is missing or of another lineage.
local function whole(head, objects, clients, log)
    if not head then return nil end
    local epoch = sub(head, 1, 8)
    if redis.call('HGET', objects, '!') ~= epoch or redis.call('HGET', clients, '!') ~= epoch then return nil end
    return redis.call('EXISTS', log) == 1 and epoch or nil
end

-- Milliseconds since 1970 by the server's clock, the only one that all nodes share.
local function now_ms()
    local time = redis.call('TIME')
    return time[1] * 1000 + math.floor(time[2] / 1000)
end

-- Whether the lease of a freeze (8 bytes of token, then its end in ms) still runs.
local function runs(frozen)
    return frozen and now_ms() < tonumber(sub(frozen, 9))
end

-- Entries that hold the commits after seq `at` up to `most` of them, rounded up to whole entries.
local function after(log, at, top, most)
    local found = redis.call('XRANGE', log, at + 1, at + most)
    local last = at
    if #found > 0 then last = tonumber(string.match(found[#found][1], '^%d+')) end
    if last < at + most and last < top then
        found[#found + 1] = redis.call('XRANGE', log, last + 1, '+', 'COUNT', 1)[1]
    end
    return found
end

-- The commit id at seq `at`, read from the entry that holds the next commit; nil when that is not there.
local function id_before(entry, at)
    if not entry then return nil end
    local run = entry[2][2]
    local skip = at + 1 - unpack_bytes('>I8', run, 2)
    if skip == 0 then return sub(run, 10, 17) end
    if skip > 0 then return sub(run, 30 + 8 * skip, 37 + 8 * skip) end
    return nil
end

-- Compares a room's position with a history of the same epoch: how they differ, or nil and the entries that the room has missed.
local function compare(room, head, meta, log, most)
    local at, top = unpack_bytes('>I8', room, 9), unpack_bytes('>I8', head, 9)
    if at > top then return { 'fork' } end
    if at < unpack_bytes('>I8', redis.call('HGET', meta, 'base')) then return { 'trimmed' } end
    if at == top then
        if room ~= head then return { 'fork' } end
        return nil, {}
    end
    local entries = after(log, at, top, most)
    local id = id_before(entries[1], at)
    if not id then return { 'empty' } end
    if id ~= sub(room, 17, 24) then return { 'fork' } end
    return nil, entries
end
