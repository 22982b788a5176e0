--[[
Spray guard: keeps the sprayer off whenever the aircraft is not flying its spray lines.

ArduCopter leaves its sprayer running when AUTO is left (RTL, LAND, a pilot's switch, a failsafe):
the pump follows the ground speed, so it sprays all the way home, and on the next flight too. This
script looks ten times a second and switches the sprayer off unless all of this holds: armed, mode
AUTO, a mission running, not in its take-off, return or landing items nor behind DO_LAND_START (or
DO_RETURN_PATH_START), no fence crossed, no battery, EKF, remote control or ground station failsafe,
and the place known: a receiver with a three-dimensional fix less than a second old, whose word the
estimator takes. (The firmware itself flies on without satellites for 10 to 42 seconds before it
says that its estimator failed.)

It can only switch off. After an interruption the mission's own next "sprayer on" starts it again;
what lay between stays unsprayed. It keeps off what a pilot or a ground station switches on in
another mode, too. On the ground, from three seconds after disarming until the next arming, it lets
people alone, so that the hoses can be filled.

Four ways to switch off, each only where the one before does not hold:
  1 auxiliary function 15 (sprayer) at LOW, the firmware's own switch;
  2 the command DO_SPRAYER with 0, where firmware lets a script run commands (4.6 and later);
  3 the pulse of every output with function 22 or 23, and of output SPGD_SERVO, at rest;
  4 SPRAY_ENABLE 0 until the next start, when the pump comes back all the same.

What the ground hears: the named float SPRAYGUARD once a second (this version; 0 when no pump output
is found or no way to switch it off), the parameter SPGD_VER, one sentence at start, at arming and
each time a running pump had to be stopped. SPGD_SERVO names the output of a pump that hangs on a
plain servo (DO_SET_SERVO, function 0); 0 for none.

To install: card folder APM/scripts, SCR_ENABLE 1, SCR_HEAP_SIZE 100000 or more, start the autopilot
anew.
]]

local VERSION = 2
local EVERY_MS = 100
local SLOW_MS = 1000
local GROUND_MS = 3000
local TELL_MS = 2000
local LOST_LOOKS = 5 -- one bad frame of the remote control is no loss
local FIX_MS = 1000 -- a fix older than this is none: receivers tell five a second and more
local FIX_3D = 3
local REFUSED = 1.0 -- from here on the estimator takes no more of the receiver's word
local REFUSED_LOOKS = 3 -- a single bad fix is no loss

local AUTO = 3
local SPRAYER_SWITCH, SWITCH_LOW = 15, 0
local PUMP, SPINNER, PLAIN = 22, 23, 0
local DO_SPRAYER = 216
local RETURN_PATH, LAND_START = 188, 189
local AWAY_FROM_LINES = { [20] = "return item", [21] = "landing item", [22] = "take-off item" }
local RUNNING = 1
local OUTPUTS = 32
local REST_US = 10 -- a pulse this near to rest is rest
local WARNING, INFO = 4, 6
local TABLE_KEY, TABLE_PREFIX = 137, "SPGD_"
local MODES = {
  [0] = "STABILIZE", [1] = "ACRO", [2] = "ALT_HOLD", [4] = "GUIDED", [5] = "LOITER", [6] = "RTL",
  [7] = "CIRCLE", [9] = "LAND", [11] = "DRIFT", [13] = "SPORT", [15] = "AUTOTUNE",
  [16] = "POSHOLD", [17] = "BRAKE", [18] = "THROW", [20] = "GUIDED_NOGPS", [21] = "SMART_RTL",
  [22] = "FLOWHOLD", [23] = "FOLLOW", [24] = "ZIGZAG", [27] = "AUTO_RTL",
}

-- ask(object, "method", ...): the method's answer, nil where the firmware has no such thing.
local function ask(object, method, ...)
  if object == nil then
    return nil
  end
  local found, call = pcall(function() return object[method] end)
  if not found or call == nil then
    return nil
  end
  local went, answer = pcall(call, object, ...)
  if went then
    return answer
  end
  return nil
end

local function say(severity, text)
  ask(gcs, "send_text", severity, "Spray guard: " .. text)
end

local function now_ms()
  local went, time = pcall(function() return millis():tofloat() end)
  return went and time or 0
end

local function value(name, otherwise)
  return ask(param, "get", name) or otherwise
end

-- Outputs that drive pump or spinner: { channel from 0, its pulse at rest, its function }.
local outputs = {}
local pumps, plain_pump = 0, false

local function find_outputs()
  local found, wet, plain, has_plain = {}, 0, value(TABLE_PREFIX .. "SERVO", 0), false
  for n = 1, OUTPUTS do
    local name = "SERVO" .. n .. "_"
    local does = value(name .. "FUNCTION", -1)
    local own = plain == n and does == PLAIN -- never a motor's or another function's
    if does == PUMP or does == SPINNER or own then
      local turned = not own and value(name .. "REVERSED", 0) == 1
      local rest = value(name .. (turned and "MAX" or "MIN"), turned and 1900 or 1100)
      found[#found + 1] = { channel = n - 1, rest = math.floor(rest), does = does }
      if does ~= SPINNER then
        wet = wet + 1
      end
      has_plain = has_plain or own
    end
  end
  outputs, pumps, plain_pump = found, wet, has_plain
end

-- Whether a pump or spinner with its own function turns. The firmware tells the pulse of the first
-- output of a function only, and none of a plain servo.
local function turns()
  local known = { [PLAIN] = true }
  for _, out in ipairs(outputs) do
    if not known[out.does] then
      known[out.does] = true
      local pulse = ask(SRV_Channels, "get_output_pwm", out.does)
      if pulse and pulse > 0 and math.abs(pulse - out.rest) > REST_US then
        return true
      end
    end
  end
  return false
end

local function rest_outputs(plain_only)
  for _, out in ipairs(outputs) do
    if out.does == PLAIN or not plain_only then
      ask(SRV_Channels, "set_output_pwm_chan", out.channel, out.rest)
    end
  end
end

-- Firmware that says "no" is not asked again: each such question is a message to the ground.
local has_switch, has_command = true, true
local switched = false -- whether one of the two was obeyed the last time
local came_back = 0

local function switch_off()
  local answer = nil
  if has_switch then
    answer = ask(rc, "run_aux_function", SPRAYER_SWITCH, SWITCH_LOW)
    has_switch = answer ~= false
  end
  switched = answer == true
  if not switched and has_command then
    answer = ask(gcs, "run_command_int", DO_SPRAYER, { p1 = 0 })
    switched = answer == 0
    has_command = answer == nil or switched
  end
  rest_outputs(true)
  if not turns() then
    return
  end
  rest_outputs(false)
  came_back = came_back + 1
  if came_back == 2 and value("SPRAY_ENABLE", 0) ~= 0 then
    ask(param, "set", "SPRAY_ENABLE", 0)
    say(WARNING, "SPRAY_ENABLE 0 until restart")
  elseif came_back == 10 then
    say(WARNING, "CANNOT STOP THE PUMP")
  end
end

local function able()
  local by_output = SRV_Channels ~= nil
  if plain_pump then
    return by_output
  end
  return pumps > 0 and (switched or by_output)
end

-- The first item of the return leg, looked for a few items at a time, again and again.
local leg_at, leg_seen, scan_at, scan_size = nil, nil, 1, 0

local function scan_mission(steps)
  local size = ask(mission, "num_commands") or 0
  if size ~= scan_size then
    leg_at, leg_seen, scan_at, scan_size = nil, nil, 1, size
  end
  for _ = 1, steps do
    if scan_at >= size then
      leg_at, leg_seen, scan_at = leg_seen, nil, 1
      return
    end
    local item = ask(mission, "get_item", scan_at)
    local command = item and ask(item, "command")
    if command == LAND_START or command == RETURN_PATH then
      leg_seen = leg_seen or scan_at
      leg_at = math.min(leg_at or scan_at, leg_seen)
    end
    scan_at = scan_at + 1
  end
end

-- Why the place is not known; nil when it is. What a firmware cannot tell it is not asked for.
local refused_looks = 0

local function astray()
  local receiver = ask(gps, "primary_sensor") or 0
  local fix = ask(gps, "status", receiver)
  if fix and fix < FIX_3D then
    return "no GPS fix"
  end
  local fixed = ask(gps, "last_fix_time_ms", receiver)
  fixed = fixed and ask(fixed, "tofloat") or 0
  if fixed > 0 and now_ms() - fixed > FIX_MS then
    return "GPS lost"
  end
  local went, speed, place = pcall(function() return ahrs:get_variances() end)
  local refused = went and speed and place and math.max(speed, place) >= REFUSED
  refused_looks = refused and refused_looks + 1 or 0
  if refused_looks >= REFUSED_LOOKS then
    return "GPS not trusted"
  end
  return nil
end

local had_control, lost_looks = false, 0
local station_limit_ms = nil -- silence after which the ground station failsafe holds; nil: none

local function failsafe()
  if (ask(fence, "get_breaches") or 0) ~= 0 then
    return "fence crossed"
  end
  if ask(battery, "has_failsafed") then
    return "battery failsafe"
  end
  if ask(vehicle, "has_ekf_failsafed") then
    return "EKF failsafe"
  end
  local control = ask(rc, "has_valid_input")
  had_control = had_control or control == true
  lost_looks = (had_control and control == false) and lost_looks + 1 or 0
  if lost_looks >= LOST_LOOKS then
    return "remote control lost"
  end
  local seen = station_limit_ms and ask(gcs, "last_seen")
  seen = seen and ask(seen, "tofloat") or 0
  if station_limit_ms and seen > 0 and now_ms() - seen > station_limit_ms then
    return "ground station lost"
  end
  return nil
end

-- Why nothing may be sprayed now; nil when it may.
local function reason()
  local mode = ask(vehicle, "get_mode")
  if mode ~= AUTO then
    return "mode " .. (MODES[mode] or tostring(mode))
  end
  if ask(mission, "state") ~= RUNNING then
    return "no mission running"
  end
  local away = AWAY_FROM_LINES[ask(mission, "get_current_nav_id")]
  if away then
    return away
  end
  if leg_at and (ask(mission, "get_current_nav_index") or 0) > leg_at then
    return "return leg"
  end
  return failsafe() or astray()
end

local function look_up_limits()
  local limit_s = value("FS_GCS_TIMEOUT", 5)
  station_limit_ms = value("FS_GCS_ENABLE", 0) > 0 and limit_s * 1000 or nil
end

local was_armed, disarmed_ms, told_ms, slow_ms, flew = false, 0, -TELL_MS, -SLOW_MS, false

local function tell_of_itself()
  if able() then
    say(INFO, "version " .. VERSION .. " running")
  else
    say(WARNING, "version " .. VERSION .. ", no pump output to stop")
  end
end

local function keep_off(why, now)
  local wet = turns()
  switch_off()
  -- of a plain servo nobody knows whether it ran: the end of the permission is what is told
  if (wet or (flew and plain_pump)) and now - told_ms >= TELL_MS then
    told_ms = now
    say(WARNING, "sprayer off, " .. why)
  end
  flew = false
end

local function look()
  local now = now_ms()
  local armed = ask(arming, "is_armed") == true
  if armed ~= was_armed then
    was_armed, disarmed_ms, had_control = armed, now, false
    find_outputs()
    if armed then
      tell_of_itself()
    end
  end
  scan_mission(armed and 2 or 20)
  local why = nil
  if armed then
    why = reason()
  elseif now - disarmed_ms < GROUND_MS then
    why = "disarmed"
  end
  if why then
    keep_off(why, now)
  else
    came_back, flew = 0, armed
  end
  if now - slow_ms >= SLOW_MS then
    slow_ms = now
    look_up_limits()
    if not armed then
      find_outputs() -- by name, slow: on the ground and at arming only
    end
    ask(gcs, "send_named_float", "SPRAYGUARD", able() and VERSION or 0)
  end
end

local function guard()
  local went, wrong = pcall(look)
  if not went then
    pcall(switch_off)
    pcall(say, WARNING, "fault " .. string.sub(tostring(wrong), -30))
    return guard, SLOW_MS
  end
  return guard, EVERY_MS
end

if ask(param, "add_table", TABLE_KEY, TABLE_PREFIX, 2) then
  ask(param, "add_param", TABLE_KEY, 1, "VER", VERSION)
  ask(param, "add_param", TABLE_KEY, 2, "SERVO", 0)
  ask(param, "set", TABLE_PREFIX .. "VER", VERSION)
end
look_up_limits()
find_outputs()
switch_off()
tell_of_itself()
return guard, EVERY_MS
