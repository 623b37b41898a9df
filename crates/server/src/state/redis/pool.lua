-- `Pool::apply` of the core, for a pool that is kept in one hash: `next`, and `keys` as JSON. Same names, same order of
-- rules. Durations stand before this text, as the core has them. KEYS[1]: the pool. ARGV[1]: the op as JSON.

local op = cjson.decode(ARGV[1])

-- Whether the pool can be written here: what a new connection and its heartbeat ask. It changes nothing.
if op == 'probe' then
  return redis.call('HDEL', KEYS[1], 'probe')
end

local function is_count(value)
  return value == nil or type(value) == 'number'
end

local function is_health(id, health)
  if type(id) ~= 'string' or not id:match('^%x%x%x%x%x%x%x%x%x%x%x%x$') or type(health) ~= 'table' then
    return false
  end
  local why, models = health.why, health.models
  if why ~= nil and why ~= 'limited' and why ~= 'unpaid' and why ~= 'refused' then return false end
  if models ~= nil and type(models) ~= 'table' then return false end
  for name, limit in pairs(models or {}) do
    if type(name) ~= 'string' or type(limit) ~= 'number' then return false end
  end
  return is_count(health['until']) and is_count(health.streak) and is_count(health.probe) and is_count(health.at)
end

-- What was left out of the encoding is nothing. What cannot be read is forgotten: it heals by being learnt again.
local function read(text)
  local fine, keys = pcall(cjson.decode, text or '{}')
  if not fine or type(keys) ~= 'table' then return {} end
  for id, health in pairs(keys) do
    if not is_health(id, health) then return {} end
    health['until'], health.streak = health['until'] or 0, health.streak or 0
    health.probe, health.at, health.models = health.probe or 0, health.at or 0, health.models or {}
  end
  return keys
end

local function write(keys)
  local plain = {}
  for id, health in pairs(keys) do
    local out = {at = health.at, why = health.why}
    if health['until'] ~= 0 then out['until'] = health['until'] end
    if health.streak ~= 0 then out.streak = health.streak end
    if health.probe ~= 0 then out.probe = health.probe end
    if next(health.models) then out.models = health.models end
    plain[id] = out
  end
  return cjson.encode(plain)
end

local kept = redis.call('HMGET', KEYS[1], 'next', 'keys')
local cursor, keys = tonumber(kept[1] or '') or 0, read(kept[2])

local function save_cursor(slot)
  if slot ~= cursor then redis.call('HSET', KEYS[1], 'next', string.format('%d', slot)) end
end

local function save_keys()
  redis.call('HSET', KEYS[1], 'keys', write(keys))
end

local function known()
  return '{"health":' .. write(keys) .. '}'
end

-- Next

local function turn(length)
  if length <= 1 then return 0 end
  local index = cursor >= length and 0 or cursor
  save_cursor((index + 1) % length)
  return index
end

-- Lease

-- 'ready', 'due', or 'cooling' with its end and whether a rate limit is the reason.
local function standing(health, model, now)
  if not health then return 'ready' end
  if health['until'] > now then return 'cooling', health['until'], health.why == 'limited' end
  if health.streak > 0 and health.probe > now then return 'cooling', health.probe, false end
  local limit = model and health.models[model]
  if limit and limit > now then return 'cooling', limit, true end
  return health.streak > 0 and 'due' or 'ready'
end

local function weight_of(candidate)
  return math.max(candidate.weight or 1, 1)
end

-- The key whose slot this is, counted from 0, as slots are. Rounds in which the same keys have a turn are taken at once.
local function key_at(list, slot)
  if slot < #list then return slot end
  local round = 0
  while true do
    local of_round, least = {}, math.huge
    for at = 1, #list do
      local weight = weight_of(list[at])
      if weight > round then of_round[#of_round + 1], least = at - 1, math.min(least, weight) end
    end
    if #of_round == 0 then return 0 end
    local slots = (least - round) * #of_round
    if slot < slots then return of_round[slot % #of_round + 1] end
    slot, round = slot - slots, least
  end
end

local function in_turn(list, may_begin)
  local total = 0
  for at = 1, #list do total = total + weight_of(list[at]) end
  local first = cursor >= total and 0 or cursor
  for step = 0, total - 1 do
    local slot = (first + step) % total
    local at = key_at(list, slot)
    if may_begin[at] then
      save_cursor((slot + 1) % total)
      return at
    end
  end
end

local function drawn(list, random, may_begin)
  local total = 0
  for at = 0, #list - 1 do
    if may_begin[at] then total = total + weight_of(list[at + 1]) end
  end
  -- Below 2^53: exact.
  local left = math.floor(random * total / 4294967296)
  for at = 0, #list - 1 do
    if may_begin[at] then
      if left < weight_of(list[at + 1]) then return at end
      left = left - weight_of(list[at + 1])
    end
  end
end

local function wait(list, standings, now)
  local found
  for at = 0, #list - 1 do
    if not list[at + 1].out then
      local ends, limited = now, false
      if standings[at][1] == 'cooling' then ends, limited = standings[at][2], standings[at][3] end
      local all = (found == nil or found.limited) and limited
      if found and found['until'] <= ends then
        found.limited = all
      else
        found = {key = at, ['until'] = ends, limited = all}
      end
    end
  end
  return found
end

local function lease(call)
  local list, now = call.keys, call.now
  local standings, ready, may_begin, any = {}, {}, {}, false
  for at = 0, #list - 1 do
    local candidate = list[at + 1]
    standings[at] = {standing(keys[candidate.id], call.model, now)}
    ready[at] = not candidate.out and standings[at][1] == 'ready'
    may_begin[at] = ready[at] or (call.probe and not candidate.out and standings[at][1] == 'due')
    any = any or may_begin[at]
  end
  local begin
  -- Redis does nothing else meanwhile: no walk over all slots to find nobody.
  if any and call.turn == 'strict' then
    begin = in_turn(list, may_begin)
  elseif any then
    begin = drawn(list, call.turn.random, may_begin)
  end
  if not begin then
    local found = wait(list, standings, now)
    return '{"lease":{"order":[]' .. (found and ',"wait":' .. cjson.encode(found) or '') .. '}}'
  end
  local probe = not ready[begin]
  if probe then
    local health = keys[list[begin + 1].id]
    health.probe, health.at = now + PROBE, now
    save_keys()
  end
  local order = {string.format('%d', begin)}
  for step = 1, #list - 1 do
    local at = (begin + step) % #list
    if ready[at] then order[#order + 1] = string.format('%d', at) end
  end
  return '{"lease":{"order":[' .. table.concat(order, ',') .. ']' .. (probe and ',"probe":true' or '') .. '}}'
end

-- Report and Reset

-- By bytes: `<` on strings goes by the server's locale.
local function is_before(one, other)
  for at = 1, math.min(#one, #other) do
    local a, b = one:byte(at), other:byte(at)
    if a ~= b then return a < b end
  end
  return #one < #other
end

local function limit_model(health, model, ends, now)
  local count, first = 0, nil
  for name, limit in pairs(health.models) do
    -- To clear what is there is allowed while going through it.
    if limit <= now then health.models[name] = nil end
  end
  for name, limit in pairs(health.models) do
    count = count + 1
    local least = first and health.models[first]
    if not first or limit < least or (limit == least and is_before(name, first)) then first = name end
  end
  if count >= MODELS and not health.models[model] then health.models[first] = nil end
  health.models[model] = math.max(ends, health.models[model] or 0)
  if health['until'] <= now then health['until'], health.why = 0, nil end
end

-- Takes in how a call ended; false if that changed nothing.
local function learn(health, model, outcome, now)
  if outcome == 'served' then
    if health.streak == 0 then return false end
    health['until'], health.why, health.streak, health.probe = 0, nil, 0, 0
  elseif outcome == 'unknown' then
    if health.probe == 0 then return false end
    health.probe = 0
  elseif health.streak > 0 and health['until'] > now then
    return false
  elseif type(outcome) == 'table' then
    local ends = now + math.min(outcome.limited.wait or LIMITED, LONGEST_HINT)
    if model then
      limit_model(health, model, ends, now)
    else
      if health.why == 'limited' then ends = math.max(ends, health['until']) end
      health['until'], health.why = ends, 'limited'
    end
    health.streak, health.probe = 0, 0
  else
    health['until'] = now + math.min(REFUSED * 2 ^ math.min(health.streak, 8), LONGEST)
    health.streak, health.probe = math.min(health.streak + 1, 4294967295), 0
    health.why = outcome
  end
  health.at = now
  return true
end

-- A clock that stepped back must not make anything last longer than it may.
local function pull_in(now)
  local any = false
  for _, health in pairs(keys) do
    -- Nothing may be held against it any more, and then the time of its last change is all that is too far ahead.
    local far = health.at > now + LONGEST
    local function nearer(ends, most)
      far = far or ends > now + most
      return math.min(ends, now + most)
    end
    health['until'] = nearer(health['until'], health.why == 'limited' and LONGEST_HINT or LONGEST)
    health.probe = nearer(health.probe, PROBE)
    for name, limit in pairs(health.models) do health.models[name] = nearer(limit, LONGEST_HINT) end
    if far then health.at = math.min(health.at, now) end
    any = any or far
  end
  if any then save_keys() end
end

local function forget(now)
  for id, health in pairs(keys) do
    local ends = health['until']
    for _, limit in pairs(health.models) do ends = math.max(ends, limit) end
    local patience = health.streak == 0 and REMEMBERED or UNUSED
    if ends <= now and now - health.at > patience then keys[id] = nil end
  end
end

local function nothing()
  return {['until'] = 0, streak = 0, probe = 0, at = 0, models = {}}
end

if op.next then return string.format('{"index":%d}', turn(op.next.length)) end
local step = op.lease or op.report or op.reset or op.look
if step then pull_in(step.now) end

if op.look then
  return known()
elseif op.lease then
  return lease(op.lease)
elseif op.report then
  local report = op.report
  local health = keys[report.key] or nothing()
  if learn(health, report.model, report.outcome, report.now) then
    keys[report.key] = health
    forget(report.now)
    save_keys()
  end
  return known()
elseif op.reset then
  local health = nothing()
  health.at = op.reset.now
  keys[op.reset.key] = health
  forget(op.reset.now)
  save_keys()
  return known()
end
return redis.error_reply('ERR an op that this script does not know')
