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

use std::fmt::Write;

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
    /// Appends the key on Redis, after the prefix. Keys that are decided together lie in one slot of a
    /// cluster: those of a rule that counts several; a caller's own key alone lies anywhere.
    pub(super) fn write_redis_key(&self, out: &mut String) {
        let written = match self.space {
            Space::Guarded => write!(out, "l:{{{}}}:{}:", self.rule, self.kind),
            Space::Visitors | Space::Callers => write!(out, "l:{}:{}:{{", self.rule, self.kind),
        };
        // Writing to a string cannot fail.
        debug_assert!(written.is_ok());
        for byte in self.id {
            out.push(char::from_digit(u32::from(byte >> 4), 16).unwrap_or('0'));
            out.push(char::from_digit(u32::from(byte & 15), 16).unwrap_or('0'));
        }
        if self.space != Space::Guarded {
            out.push('}');
        }
    }
}

/// Redis' own time, in microseconds: the same for every node.
pub(super) const REDIS_TIME: &str = "local t = redis.call('TIME')
local stamp = string.format('%d%06d', t[1], t[2])\n";

/// A time that a test gives, as the last argument.
#[cfg(test)]
pub(super) const GIVEN_TIME: &str = "local stamp = ARGV[#ARGV]\n";

/// Decides for a group, in its order, all at one time. Keys: lists, the newest time first; those of each
/// decision beside each other. Arguments, for each run of decisions whose limits are alike: how many
/// decisions, how many keys each has, and for each key `most` and window in microseconds. Answer, for
/// each decision: the place of the first key that refuses or -1, the longest wait, what remains of the
/// first limit, microseconds until more does.
///
/// Each call costs, so the new time is put in first, which tells the length, and taken out again where
/// one refuses; and what a call is given is text, since it would print a number slowly. A key ends by
/// itself two windows after it was made or something was dropped: until it is asked for again after a
/// whole window, and then something is dropped, nothing in it is older.
pub(super) const RULE: &str = r"
local call, now = redis.call, tonumber(stamp)
local said, at, argument, done = {}, 0, 1, 0
local function decide(n, mosts, windows)
  local refused, wait, remaining, reset = -1, 0, 0, 0
  for i = 1, n do
    local key, most, window = KEYS[at + i], mosts[i], windows[i]
    local oldest = tonumber(call('LINDEX', key, '-1') or now)
    local pruned = 0
    while oldest <= now - window and pruned < 32 do
      call('RPOP', key)
      oldest, pruned = tonumber(call('LINDEX', key, '-1') or now), pruned + 1
    end
    local count = call('LPUSH', key, stamp)
    if count > most + 1 then
      call('LTRIM', key, 0, most)
      count, oldest = most + 1, tonumber(call('LINDEX', key, '-1'))
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
    for i = 1, n do call('LPOP', KEYS[at + i]) end
    remaining, reset = remaining + 1, reset or 0
  end
  said[done + 1], said[done + 2] = refused, wait
  said[done + 3], said[done + 4] = remaining, reset or windows[1]
  at, done = at + n, done + 4
end
while at < #KEYS do
  local times, n = tonumber(ARGV[argument]), tonumber(ARGV[argument + 1])
  local mosts, windows = {}, {}
  for i = 1, n do
    mosts[i] = tonumber(ARGV[argument + 2 * i])
    windows[i] = tonumber(ARGV[argument + 2 * i + 1])
  end
  argument = argument + 2 * n + 2
  for _ = 1, times do decide(n, mosts, windows) end
end
return said
";
