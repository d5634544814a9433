//! Fifty threads stream for a minute against a service with Discord's limits, with and without faults.

use std::collections::VecDeque;

use super::*;

const THREADS: usize = 50;
/// Characters of one message here.
const ROOM: usize = 900;

/// A source of chance that is the same in every run.
struct Chance(u64);

impl Chance {
    fn below(&mut self, most: u64) -> u64 {
        // Knuth's linear congruential generator; the upper bits will do.
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % most
    }

    fn percent(&mut self, share: u64) -> bool {
        self.below(100) < share
    }
}

/// Five in five seconds from the first one on, as Discord's buckets do it.
#[derive(Default, Clone)]
struct Five {
    began: Clock,
    used: u32,
}

impl Five {
    fn takes(&mut self, now: Clock) -> bool {
        if self.used == 0 || now >= self.began + Duration::from_secs(5) {
            *self = Self { began: now, used: 0 };
        }
        self.used += 1;
        self.used <= 5
    }
}

/// A channel of the service.
#[derive(Default, Clone)]
struct Channel {
    messages: Vec<(Id, Key, String)>,
    sends: Five,
    edits: Five,
    /// When people last saw something new, and the longest time that they did not.
    seen: Clock,
    longest: Duration,
}

/// Requests on their way, the service, and the clock.
struct Storm {
    reconciler: Reconciler,
    chance: Chance,
    faults: bool,
    now: Clock,
    channels: Vec<Channel>,
    /// Arrival, the end, and the request; an arrived one has its outcome.
    under_way: Vec<(Clock, Clock, Request, Option<Outcome>)>,
    arrivals: VecDeque<Clock>,
    limited: usize,
    injected: usize,
    ids: Id,
}

impl Storm {
    fn new(faults: bool, seed: u64) -> Self {
        Self {
            reconciler: Reconciler::new(Pace::default()),
            chance: Chance(seed),
            faults,
            now: Clock::ZERO,
            channels: vec![Channel::default(); THREADS],
            under_way: vec![],
            arrivals: VecDeque::new(),
            limited: 0,
            injected: 0,
            ids: 1000,
        }
    }

    /// Ten milliseconds pass.
    fn tick(&mut self) {
        self.now += at(10);
        let mut under_way = std::mem::take(&mut self.under_way);
        for (arrival, _, request, outcome) in &mut under_way {
            if *arrival <= self.now && outcome.is_none() {
                *outcome = Some(self.arrived(request));
            }
        }
        for (arrival, end, request, outcome) in under_way {
            match outcome {
                Some(outcome) if end <= self.now => {
                    let ended = (&request.thread, request.number);
                    self.reconciler.ended(ended, outcome, None, self.now);
                    self.looks(&request, outcome);
                }
                _ => self.under_way.push((arrival, end, request, outcome)),
            }
        }
        while let Step::Ask(request) = self.reconciler.next(self.now) {
            let (there, back) = (20 + self.chance.below(130), 20 + self.chance.below(130));
            let arrival = self.now + at(there);
            self.under_way.push((arrival, arrival + at(back), request, None));
        }
    }

    /// Whoever sends again what may be there learns that an older text is.
    fn looks(&mut self, request: &Request, outcome: Outcome) {
        let number: usize = request.thread.local().parse().unwrap();
        if let (RequestKind::Send(message), Outcome::Done { remote }) = (&request.kind, outcome) {
            let mut there = self.channels[number].messages.iter();
            if !there.any(|(id, _, content)| *id == remote && *content == message.content) {
                self.reconciler.found(&request.thread, request.key, remote, None);
            }
        }
    }

    /// What the service does with a request, and what becomes of its answer.
    fn arrived(&mut self, request: &Request) -> Outcome {
        let limited = Outcome::Limited {
            after: at(300 + self.chance.below(2000)),
            global: false,
        };
        while self
            .arrivals
            .front()
            .is_some_and(|first| *first + at(1000) <= self.now)
        {
            self.arrivals.pop_front();
        }
        self.arrivals.push_back(self.now);
        let number: usize = request.thread.local().parse().unwrap();
        let channel = &mut self.channels[number];
        let fits = match request.kind {
            RequestKind::Send(_) => channel.sends.takes(self.now),
            RequestKind::Edit { .. } | RequestKind::Delete { .. } => channel.edits.takes(self.now),
        };
        if !fits || self.arrivals.len() > 50 {
            self.limited += 1;
            return limited;
        }
        if self.faults && self.chance.percent(10) {
            self.injected += 1;
            return if self.chance.percent(50) {
                limited
            } else {
                Outcome::Failed
            };
        }
        let lost = self.faults && self.chance.percent(5);
        if self.faults && self.chance.percent(3) {
            return Outcome::Unknown;
        }
        let channel = &mut self.channels[number];
        let outcome = match &request.kind {
            RequestKind::Send(message) => {
                let mut there = channel.messages.iter();
                if let Some((id, ..)) = there.find(|(_, key, _)| *key == message.key) {
                    done(*id)
                } else {
                    self.ids += 1;
                    channel
                        .messages
                        .push((self.ids, message.key, message.content.clone()));
                    done(self.ids)
                }
            }
            RequestKind::Edit { remote, message } => {
                let found = channel.messages.iter_mut().find(|(id, ..)| id == remote).unwrap();
                found.2.clone_from(&message.content);
                done(*remote)
            }
            RequestKind::Delete { remote } => {
                channel.messages.retain(|(id, ..)| id != remote);
                done(*remote)
            }
        };
        channel.longest = channel.longest.max(self.now.saturating_sub(channel.seen));
        channel.seen = self.now;
        if lost { Outcome::Unknown } else { outcome }
    }
}

/// What a thread has written after so many steps, four in a second: each thread at its own speed.
fn written(number: usize, step: usize) -> String {
    let length = step * (40 + number % 20);
    (0..length)
        .map(|at| char::from(b'a' + u8::try_from((at + number) % 26).unwrap()))
        .collect()
}

fn wanted(number: usize, step: usize) -> Vec<DesiredMessage> {
    let text = written(number, step);
    let parts = text
        .as_bytes()
        .chunks(ROOM)
        .map(|part| String::from_utf8(part.to_vec()).unwrap());
    (1..)
        .zip(parts)
        .map(|(item, part)| message(item, &part))
        .collect()
}

/// Streams for so many seconds, and then gives it time to end.
fn storm(faults: bool, seed: u64, seconds: usize, patience: usize) -> Storm {
    let mut storm = Storm::new(faults, seed);
    for tick in 0..100 * seconds {
        if tick % 25 == 0 {
            for number in 0..THREADS {
                storm
                    .reconciler
                    .want(&thread(number), wanted(number, 1 + tick / 25), true);
            }
        }
        storm.tick();
    }
    for _ in 0..patience * 100 {
        storm.tick();
    }
    for (number, channel) in storm.channels.iter().enumerate() {
        assert!(
            storm.reconciler.is_done(&thread(number)),
            "thread {number} has not ended"
        );
        let there: String = channel
            .messages
            .iter()
            .map(|(_, _, content)| content.as_str())
            .collect();
        assert_eq!(
            there,
            written(number, 4 * seconds),
            "thread {number} says something else"
        );
        let keys: Vec<Key> = channel.messages.iter().map(|(_, key, _)| *key).collect();
        assert!(keys.is_sorted(), "thread {number} is out of order");
        assert_eq!(
            keys.len(),
            written(number, 4 * seconds).len().div_ceil(ROOM),
            "something was posted twice"
        );
    }
    storm
}

#[test]
fn fifty_threads_stream_for_a_minute_and_are_never_limited() {
    let storm = storm(false, 1, 60, 5);
    assert_eq!(storm.limited, 0);
    for (number, channel) in storm.channels.iter().enumerate() {
        let longest = channel.longest;
        assert!(
            longest <= Duration::from_millis(2200),
            "thread {number} stood still for {longest:?}"
        );
    }
}

#[test]
fn with_faults_nothing_is_lost_doubled_or_out_of_order() {
    for seed in 2..5 {
        let storm = storm(true, seed, 15, 60);
        assert!(storm.injected > 20, "{}", storm.injected);
    }
}
