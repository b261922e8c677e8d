-- What all scripts share. KEYS[1] is the queue's prefix with its colon, "bull:emails:".
-- What others wrote is cut here, before it travels: a reason or a name can be megabytes.
local base = KEYS[1]

local function plain(text, most)
  return text and string.sub(text, 1, most) or ''
end

-- What of a reason is the same for many jobs: no addresses, no numbers but those that look like an HTTP status.
local shown = setmetatable({}, {__index = function(_, digits)
  local number = #digits == 3 and tonumber(digits) or 0
  return (number < 400 or number > 599) and '#' or digits
end})

local function reason(text)
  local said = plain(text, 300)
  if string.find(said, '@', 1, true) then said = string.gsub(said, '[^%s@<>]+@[^%s@<>]+', '(address)') end
  return (string.gsub(said, '%d+', shown))
end

local function options(text)
  if not text or #text > 8192 then return {} end
  local well, told = pcall(cjson.decode, text)
  return well and type(told) == 'table' and told or {}
end

-- BullMQ writes atm, Bull attemptsMade.
local function tries(short, long)
  return tonumber(short) or tonumber(long) or 0
end

-- How often it was tried again after it had failed for good. Of most jobs the options need not be read for that.
local function in_vain(made, text)
  if made < 2 then return 0 end
  return math.max(made - math.max(tonumber(options(text).attempts) or 1, 1), 0)
end
