//! Rate limits: one bucket per route and channel, one for everything, and the count of requests that were refused.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use crate::clock::millis;

/// So many requests in a window that begins with the first of them.
#[derive(Clone, Copy, Debug)]
pub struct Limit {
    /// How many.
    pub requests: u64,
    /// How long the window is.
    pub per: Duration,
}

impl Limit {
    /// `requests` per `per`.
    pub const fn new(requests: u64, per: Duration) -> Self {
        Self { requests, per }
    }
}

/// What the fake allows. The figures are near Discord's; no client may know them but from headers.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// New messages, per channel.
    pub messages: Limit,
    /// Edits, per channel.
    pub edits: Limit,
    /// Deletions, per channel.
    pub deletes: Limit,
    /// Reactions, per channel.
    pub reactions: Limit,
    /// New names of a channel or thread, per channel.
    pub renames: Limit,
    /// New threads, per channel.
    pub threads: Limit,
    /// Answers to one interaction after the first.
    pub followups: Limit,
    /// Any other route, per channel or guild.
    pub other: Limit,
    /// All together, without interactions.
    pub global: Limit,
    /// Refused requests (401, 403, 429) per 10 minutes; then nothing is answered for a while.
    pub invalid: usize,
}

impl Default for Limits {
    fn default() -> Self {
        let seconds = Duration::from_secs;
        Self {
            messages: Limit::new(5, seconds(5)),
            edits: Limit::new(5, seconds(5)),
            deletes: Limit::new(5, seconds(1)),
            reactions: Limit::new(4, seconds(1)),
            renames: Limit::new(2, seconds(600)),
            threads: Limit::new(10, seconds(10)),
            followups: Limit::new(5, seconds(2)),
            other: Limit::new(30, seconds(5)),
            global: Limit::new(50, seconds(1)),
            invalid: 10_000,
        }
    }
}

impl Limits {
    /// None at all, for tests of something else.
    pub fn none() -> Self {
        let free = Limit::new(u64::MAX, Duration::from_secs(1));
        Self {
            messages: free,
            edits: free,
            deletes: free,
            reactions: free,
            renames: free,
            threads: free,
            followups: free,
            other: free,
            global: free,
            invalid: usize::MAX,
        }
    }
}

/// Where a request stands in its bucket, for the headers.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Standing {
    pub(crate) bucket: &'static str,
    pub(crate) limit: u64,
    pub(crate) remaining: u64,
    /// Unix milliseconds.
    pub(crate) reset: u64,
    /// Milliseconds.
    pub(crate) reset_after: u64,
}

/// A request too many.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TooMany {
    pub(crate) retry_after: f64,
    pub(crate) global: bool,
    pub(crate) standing: Option<Standing>,
}

#[derive(Debug, Default)]
struct Window {
    began: u64,
    used: u64,
}

/// All buckets.
#[derive(Debug, Default)]
pub(crate) struct Buckets {
    windows: HashMap<(&'static str, String), Window>,
    refused: VecDeque<u64>,
}

impl Buckets {
    /// Counts one request. Those that are refused count nowhere but among the refused.
    pub(crate) fn take(
        &mut self,
        limits: &Limits,
        now: u64,
        method: &str,
        path: &[String],
        renames: bool,
    ) -> Result<Standing, TooMany> {
        let (bucket, limit, outside) = bucket(limits, method, path);
        if !outside && let Err(left) = self.count("global", String::new(), limits.global, now) {
            return Err(too_many(left.reset_after, true, None));
        }
        let major = path
            .iter()
            .skip(1)
            .take(if outside { 2 } else { 1 })
            .cloned()
            .collect::<Vec<_>>();
        let major = major.join("/");
        let standing = self.count(bucket, major.clone(), limit, now);
        let standing = standing.map_err(|full| too_many(full.reset_after, false, Some(full)))?;
        if renames && let Err(full) = self.count("renames", major, limits.renames, now) {
            // A limit behind the limit: the headers speak of the outer one.
            return Err(too_many(full.reset_after, false, Some(standing)));
        }
        Ok(standing)
    }

    fn count(
        &mut self,
        bucket: &'static str,
        major: String,
        limit: Limit,
        now: u64,
    ) -> Result<Standing, Standing> {
        let per = millis(limit.per);
        let window = self.windows.entry((bucket, major)).or_default();
        if window.began + per <= now {
            *window = Window { began: now, used: 0 };
        }
        let full = window.used >= limit.requests;
        window.used += u64::from(!full);
        let reset = window.began + per;
        let standing = Standing {
            bucket,
            limit: limit.requests,
            remaining: limit.requests - window.used,
            reset,
            reset_after: reset - now,
        };
        if full { Err(standing) } else { Ok(standing) }
    }

    pub(crate) fn count_refused(&mut self, now: u64) {
        self.refused.push_back(now);
    }

    /// Refused requests of the last 10 minutes.
    pub(crate) fn refused(&mut self, now: u64) -> usize {
        while self.refused.front().is_some_and(|at| at + 600_000 <= now) {
            self.refused.pop_front();
        }
        self.refused.len()
    }
}

fn too_many(millis: u64, global: bool, standing: Option<Standing>) -> TooMany {
    #[expect(clippy::cast_precision_loss, reason = "a window is seconds long")]
    let retry_after = millis as f64 / 1000.0;
    TooMany {
        retry_after,
        global,
        standing,
    }
}

/// Bucket, limit, and whether it is outside the global limit.
fn bucket(limits: &Limits, method: &str, path: &[String]) -> (&'static str, Limit, bool) {
    let path: Vec<&str> = path.iter().map(String::as_str).collect();
    match (method, &path[..]) {
        (_, ["interactions", ..]) => ("callback", limits.followups, true),
        (_, ["webhooks", _, _, ..]) => ("followup", limits.followups, true),
        ("POST", ["channels", _, "messages"]) => ("message-create", limits.messages, false),
        ("PATCH", ["channels", _, "messages", _]) => ("message-edit", limits.edits, false),
        ("DELETE", ["channels", _, "messages", _]) => ("message-delete", limits.deletes, false),
        ("PUT" | "DELETE", ["channels", _, "messages", _, "reactions", ..]) => {
            ("reaction", limits.reactions, false)
        }
        ("POST", ["channels", _, "threads"] | ["channels", _, "messages", _, "threads"]) => {
            ("thread-create", limits.threads, false)
        }
        ("PATCH", ["channels", _]) => ("channel-modify", limits.other, false),
        ("GET", ["channels", _, "messages", ..]) => ("message-read", limits.other, false),
        ("POST", ["channels", _, "typing"]) => ("typing", limits.other, false),
        (_, ["channels", ..]) => ("channel", limits.other, false),
        (_, ["guilds", ..]) => ("guild", limits.other, false),
        (_, ["applications", ..]) => ("application", limits.other, false),
        _ => ("rest", limits.other, false),
    }
}
