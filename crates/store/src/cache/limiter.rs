//! The rule of the rate limits, in words and as Redis runs it.
//!
//! A key keeps the times of what was accepted. Something new is accepted where fewer than `most`
//! acceptances lie within the last `window`: so no window of that length, wherever it begins, holds
//! more than `most`. What is refused leaves no trace. Several limits are decided as one: where one
//! refuses, none is counted. Cost: constant, since only the oldest time of a full key is looked at; what
//! has left the window is dropped at most [`PRUNED_AT_ONCE`] at a time. [`super::windows`] is the same
//! rule in memory, and one table of tests drives both.
//!
//! A clock that was set back: a time that lies in the future is taken as now where it would decide. So
//! nothing is accepted too early, and nobody waits longer than one window.

/// One limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limit {
    /// Acceptances in any window; at least 1.
    pub most: u32,
    pub window_seconds: u32,
}

/// Which keys share a table in memory. A flood of keys of one kind leaves the others their room.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Space {
    /// Addresses that anybody may come from.
    Visitors,
    /// What has a limit on all together besides, such as signing in: never many keys.
    Guarded,
    /// Whoever is signed in.
    Callers,
}

/// Who or what is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Subject {
    pub space: Space,
    /// Tells rules apart: the same caller has one key per rule.
    pub rule: u8,
    /// Tells kinds of ids of one rule apart.
    pub kind: u8,
    pub id: [u8; 16],
}

/// A subject and the limit that it must keep. What is asked together must name different subjects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ask {
    pub subject: Subject,
    pub limit: Limit,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Decision {
    pub refused: Option<Refused>,
    /// How many more the first limit accepts at this moment.
    pub remaining: u32,
    /// Until `remaining` grows; 0 where the first limit has nothing counted.
    pub reset_micros: i64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Refused {
    /// The first limit that refuses, by its place among those asked.
    pub which: usize,
    /// Until every limit would accept, if nobody else came.
    pub wait_micros: i64,
}

/// Limits decided at once, at most.
pub(super) const MAX_ASKS: usize = 4;
/// Times dropped from one key at once, so that no single decision is long.
pub(super) const PRUNED_AT_ONCE: usize = 32;

const MICROS_PER_SECOND: i64 = 1_000_000;

impl Limit {
    /// At most so many in any window of so many seconds.
    ///
    /// # Panics
    ///
    /// Where one of the two is zero. Limits are constants, so the compiler says so.
    pub const fn new(most: u32, window_seconds: u32) -> Self {
        assert!(most > 0 && window_seconds > 0, "a limit of nothing, or without a window");
        Self { most, window_seconds }
    }

    pub(super) fn window_micros(self) -> i64 {
        i64::from(self.window_seconds) * MICROS_PER_SECOND
    }
}

impl Subject {
    /// The key on Redis, after the prefix. Keys that are decided together lie in one slot of a cluster:
    /// those of a rule that counts several; a caller's own key alone lies anywhere.
    pub(super) fn redis_key(&self) -> String {
        let mut id = String::with_capacity(32);
        for byte in self.id {
            id.push(char::from_digit(u32::from(byte >> 4), 16).unwrap_or('0'));
            id.push(char::from_digit(u32::from(byte & 15), 16).unwrap_or('0'));
        }
        match self.space {
            Space::Guarded => format!("l:{{{}}}:{}:{id}", self.rule, self.kind),
            Space::Visitors | Space::Callers => format!("l:{}:{}:{{{id}}}", self.rule, self.kind),
        }
    }
}

/// Redis' own time, in microseconds: the same for every node.
pub(super) const REDIS_TIME: &str =
    "local t = redis.call('TIME')\nlocal now = t[1] * 1000000 + t[2]\n";

/// A time that a test gives, as the last argument.
#[cfg(test)]
pub(super) const GIVEN_TIME: &str = "local now = tonumber(ARGV[#ARGV])\n";

/// Keys: lists, the newest time first. Arguments: `most` and window in microseconds for each key.
/// Answer: the place of the first that refuses or -1, the longest wait, what remains of the first
/// limit, microseconds until more does.
///
/// Each call costs, so the new time is put in first, which tells the length, and taken out again where
/// one refuses. A key ends by itself two windows after it was made or something was dropped: until it is
/// asked for again after a whole window, and then something is dropped, nothing in it is older.
pub(super) const RULE: &str = r"
local call, refused, wait, n = redis.call, -1, 0, #KEYS
local remaining, reset = 0, 0
for i = 1, n do
  local key, most, window = KEYS[i], tonumber(ARGV[2 * i - 1]), tonumber(ARGV[2 * i])
  local oldest = tonumber(call('LINDEX', key, -1) or now)
  local pruned = 0
  while oldest <= now - window and pruned < 32 do
    call('RPOP', key)
    oldest, pruned = tonumber(call('LINDEX', key, -1) or now), pruned + 1
  end
  local count = call('LPUSH', key, now)
  if count > most + 1 then
    call('LTRIM', key, 0, most)
    count, oldest = most + 1, tonumber(call('LINDEX', key, -1))
  end
  if count == 1 or pruned > 0 then call('PEXPIRE', key, math.ceil(window / 500)) end
  if count > most then
    if oldest > now then
      local times = call('LRANGE', key, 0, -1)
      call('DEL', key)
      for _, time in ipairs(times) do call('RPUSH', key, math.min(tonumber(time), now)) end
      call('PEXPIRE', key, math.ceil(window / 500))
      oldest = now
    end
    if refused < 0 then refused = i - 1 end
    wait = math.max(wait, oldest + window - now)
  end
  if i == 1 then
    remaining, reset = most - count, math.min(oldest - now, 0) + window
    if count == 1 then reset = false end
  end
end
if refused >= 0 then
  for i = 1, n do call('LPOP', KEYS[i]) end
  remaining, reset = remaining + 1, reset or 0
end
return {refused, wait, remaining, reset or tonumber(ARGV[2])}
";
