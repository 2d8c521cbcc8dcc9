#!lua
-- Checks a call and stores it: objects, counters, log, mark and event in one step, or nothing.
--
-- KEYS 1 objects, 2 meta, 3 log, 4 clients, 5 dirty, 6 dirty index, 7 channel
-- ARGV 1 the room's position
--      2 plan: sets, removals, looked for, authors, index of a proposal whose cid does not follow within the call (4 bytes each); whether the call
--        holds only at the head, whether to publish, whether there is such a proposal (1 byte each); the cid before it (8 bytes); the project
--      3 packed run, 4 seq of its last commit (text) and 5 position after it, all three as they are when the room is at the head
--      6 for each author the index of its first proposal (4 bytes) and the cid before it (8 bytes), by index
--      7 the rev that each touched object must have, 8 bytes each, all ones when it must not be there: sets, removals, looked for
--      8 ... sets (id, blob), removals (id), looked for (id), authors (name, state)
-- Returns 1: stored at the head. Otherwise a list: 'ok', the position before it, entries missed | 'stale', entries missed | 'cid', index, last |
-- 'empty' | 'epoch', epoch | 'frozen' | 'fork' | 'trimmed'. Then nothing is stored, 'ok' excepted.
-- Atomic: between any two of these steps another node's call would take the same seq. All is checked before the first write, because an error does
-- not undo what was written. The first write is the one to the log: it fails for all when the log is lost.
local MISSED = 1024
-- Values that one command takes: Lua's stack ends at 8,000. Even, because they go in pairs.
local CHUNK = 4000
local args, call, sub, pack, unpack_bytes = ARGV, redis.call, string.sub, struct.pack, struct.unpack
local room = args[1]
local meta = call('HMGET', KEYS[2], 'head', 'idle', 'frozen')
local head = meta[1]
if not head then return { 'empty' } end
-- Its functions would be made anew by each call; most need none of them.
local history
if room ~= head or meta[2] or meta[3] then
-- {history}
    history = { compare = compare, now_ms = now_ms, runs = runs }
end
local epoch = sub(head, 1, 8)
if call('HGET', KEYS[1], '!') ~= epoch then return { 'empty' } end
local sets, removals, looks, authors, hole_at, only_at_head, publish, has_hole = unpack_bytes('>I4I4I4I4I4I1I1I1', args[2])
local first_removal = 8 + 2 * sets
local first_author = first_removal + removals + looks

local known
if authors == 1 then
    known = call('HMGET', KEYS[4], '!', args[first_author])
else
    local names = { '!' }
    for i = 0, authors - 1 do names[i + 2] = args[first_author + 2 * i] end
    known = call('HMGET', KEYS[4], unpack(names))
end
if known[1] ~= epoch then return { 'empty' } end
if sub(room, 1, 8) ~= epoch then return { 'epoch', epoch } end
if meta[3] and history.runs(meta[3]) then return { 'frozen' } end
local missed
if room ~= head then
    local wrong
    wrong, missed = history.compare(room, head, KEYS[2], KEYS[3], MISSED)
    if wrong then return wrong end
end

local cids = args[6]
for i = 1, authors do
    local state = known[i + 1]
    local last = state and sub(state, 1, 8) or '\0\0\0\0\0\0\0\0'
    if last ~= sub(cids, 12 * i - 7, 12 * i) then
        if missed then return { 'stale', missed } end
        return { 'cid', sub(cids, 12 * i - 11, 12 * i - 8), last }
    end
end
if has_hole == 1 then
    if missed then return { 'stale', missed } end
    return { 'cid', pack('>I4', hole_at), sub(args[2], 24, 31) }
end

local run, last_seq, position = args[3], args[4], args[5]
if missed then
    -- Whether every touched object has the rev that the room computed from.
    local function untouched()
        local ids, bases = {}, args[7]
        for i = 0, sets - 1 do ids[i + 1] = args[8 + 2 * i] end
        for i = 0, removals + looks - 1 do ids[sets + i + 1] = args[first_removal + i] end
        for from = 1, #ids, CHUNK do
            local found = call('HMGET', KEYS[1], unpack(ids, from, math.min(from + CHUNK - 1, #ids)))
            for i, blob in ipairs(found) do
                local rev = blob and sub(blob, 1, 8) or '\255\255\255\255\255\255\255\255'
                local place = 8 * (from + i - 1)
                if rev ~= sub(bases, place - 7, place) then return false end
            end
        end
        return true
    end

    -- Moves the seq that stands at a place of a value.
    local function moved(value, place, by)
        return sub(value, 1, place - 1) .. pack('>I8', unpack_bytes('>I8', value, place) + by) .. sub(value, place + 8)
    end

    local behind = unpack_bytes('>I8', head, 9) - unpack_bytes('>I8', room, 9)
    if only_at_head == 1 or behind > MISSED or not untouched() then return { 'stale', missed } end
    run = moved(run, 2, behind)
    run = sub(run, 1, 9) .. sub(head, 17, 24) .. sub(run, 18)
    position = moved(position, 9, behind)
    last_seq = unpack_bytes('>I8', position, 9)
    for i = 0, sets - 1 do args[9 + 2 * i] = moved(args[9 + 2 * i], 1, behind) end
    for i = 0, authors - 1 do args[first_author + 1 + 2 * i] = moved(args[first_author + 1 + 2 * i], 9, behind) end
end

if not call('XADD', KEYS[3], 'NOMKSTREAM', last_seq, 'r', run) then return { 'empty' } end
for from = 8, first_removal - 1, CHUNK do
    call('HSET', KEYS[1], unpack(args, from, math.min(from + CHUNK, first_removal) - 1))
end
for from = first_removal, first_removal + removals - 1, CHUNK do
    call('HDEL', KEYS[1], unpack(args, from, math.min(from + CHUNK, first_removal + removals) - 1))
end
if authors > 0 then call('HSET', KEYS[4], unpack(args, first_author, first_author + 2 * authors - 1)) end
call('HSET', KEYS[2], 'head', position)
if meta[2] then
    -- All was saved until now.
    call('HDEL', KEYS[2], 'idle')
    for i = 1, 4 do call('PERSIST', KEYS[i]) end
    local now = history.now_ms()
    call('SET', KEYS[5], now)
    call('ZADD', KEYS[6], now, sub(args[2], 32))
end
if publish == 1 then call('SPUBLISH', KEYS[7], run) end
if missed then return { 'ok', head, missed } end
return 1
