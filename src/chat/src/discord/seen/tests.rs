//! One shard, several, and other ones than before; guilds that lag behind each other, break, come and go.

use super::*;

/// The only shard.
const ALL: (RangeInclusive<Shard>, u32) = (0..=0, 1);
const TWO: (RangeInclusive<Shard>, u32) = (0..=1, 2);

/// Guilds: of two shards, A and C are on the first, and B is on the second.
const A: Id = 2 << 22;
const B: Id = 3 << 22;
const C: Id = 4 << 22;

impl Seen {
    /// One message from beginning to end.
    fn sees(&mut self, guild: Id, message: Id) {
        self.came(guild, message);
        self.done(guild, message);
    }

    /// A session in which these guilds have told what is new.
    fn session(&mut self, shard: Shard, shards: (RangeInclusive<Shard>, u32), guilds: &[Id]) -> u32 {
        let session = self.begin(shard, shards, guilds.iter().copied());
        for guild in guilds {
            self.heard(*guild, 0);
        }
        session
    }

    /// How far a guild was seen by what would be written down now.
    fn mark(&mut self, guild: Id) -> Id {
        self.news();
        let written = self.written.as_ref();
        written
            .and_then(|marks| marks.guilds.get(&guild))
            .copied()
            .unwrap_or_default()
    }

    /// The next host's, which starts at `first`.
    fn next(&mut self, first: Id) -> Self {
        self.news();
        let written = self.written.as_ref().map(ToString::to_string);
        Self::new(written.map(|text| text.parse().unwrap()), first)
    }
}

/// One shard with the guilds A and C.
fn begun(upto: Id) -> Seen {
    let mut seen = Seen::new(None, upto);
    seen.session(0, ALL, &[A, C]);
    seen
}

#[test]
fn what_is_under_way_holds_back_what_came_after_it() {
    let mut seen = begun(10);
    assert_eq!(seen.mark(A), 10);
    seen.came(A, 20);
    seen.came(A, 30);
    seen.came(A, 20);
    seen.done(A, 30);
    seen.done(A, 20);
    assert_eq!(seen.mark(A), 19);
    seen.done(A, 20);
    assert_eq!((seen.mark(A), seen.news()), (30, None));
}

#[test]
fn what_is_seen_of_one_guild_says_nothing_of_another_that_lags_behind() {
    let mut seen = begun(10);
    seen.sees(A, 20);
    seen.sees(C, 50);
    // Of A there was more by then, and nobody told it.
    assert_eq!((seen.mark(A), seen.mark(C)), (20, 50));
    let mut next = seen.next(80);
    for one in [&mut seen, &mut next] {
        one.begin(0, ALL, [A, C]);
        assert_eq!((one.before(A), one.before(C)), (20, 50));
    }
}

#[test]
fn a_guild_that_has_not_told_what_is_new_is_held_back_by_that_alone() {
    let mut seen = begun(10);
    seen.begin(0, ALL, [A, C]);
    seen.heard(A, 0);
    seen.sees(A, 30);
    seen.sees(C, 40);
    assert_eq!((seen.mark(A), seen.mark(C)), (30, 10));
    assert_eq!((seen.before(A), seen.before(C)), (30, 10));
    seen.came(C, 11);
    seen.heard(C, 0);
    assert_eq!(seen.mark(C), 10, "what it told is under way");
    seen.done(C, 11);
    assert_eq!(seen.mark(C), 40);
}

#[test]
fn a_guild_that_was_away_for_a_whole_session_is_asked_from_before_it() {
    let mut seen = begun(10);
    seen.begin(0, ALL, [A, C]);
    seen.sees(C, 30);
    seen.begin(0, ALL, [A, C]);
    assert_eq!(seen.before(C), 10);
}

#[test]
fn a_guild_that_is_new_has_nothing_from_before_the_others() {
    let mut seen = begun(10);
    seen.sees(A, 30);
    assert_eq!(seen.before(B), 30, "in the middle of a session");
    let mut next = begun(10);
    next.sees(A, 30);
    let mut next = next.next(80);
    next.begin(0, ALL, [A, B, C]);
    assert_eq!((next.before(B), next.before(C)), (30, 10), "while no host ran");
}

#[test]
fn a_shard_that_comes_late_or_again_is_asked_from_where_it_stopped_however_far_others_are() {
    let mut seen = Seen::new(None, 10);
    seen.session(0, TWO, &[A]);
    seen.sees(A, 30);
    seen.begin(1, TWO, [B]);
    assert_eq!(seen.before(B), 10);
    seen.heard(B, 0);
    seen.sees(B, 40);
    seen.sees(A, 90);
    seen.begin(1, TWO, [B]);
    assert_eq!((seen.before(B), seen.before(A)), (40, 90));
}

#[test]
fn a_shard_that_never_came_is_asked_by_the_next_host_from_where_the_last_one_stopped() {
    let mut seen = Seen::new(None, 10);
    seen.session(0, TWO, &[A]);
    seen.sees(A, 30);
    let mut next = seen.next(80);
    next.begin(0, TWO, [A]);
    next.begin(1, TWO, [B]);
    assert_eq!((next.before(A), next.before(B)), (30, 10));
}

#[test]
fn with_other_shards_than_before_each_guild_keeps_its_mark() {
    let mut seen = Seen::new(None, 10);
    for (shard, guild, upto) in [(0, A, 30), (1, B, 20)] {
        seen.session(shard, TWO, &[guild]);
        seen.sees(guild, upto);
    }
    let mut next = seen.next(80);
    next.begin(2, (2..=3, 4), [A]);
    next.begin(3, (2..=3, 4), [B, 7 << 22]);
    assert_eq!((next.before(A), next.before(B)), (30, 20));
    assert_eq!(next.before(7 << 22), 20, "without one: what was seen by all");
}

#[test]
fn what_an_earlier_version_wrote_holds_for_all_guilds_of_a_shard() {
    let mut older = Seen::new(Some("15".parse().unwrap()), 80);
    older.begin(0, TWO, [A, C]);
    older.begin(1, TWO, [B]);
    assert_eq!(
        [A, B, C].map(|guild| older.before(guild)),
        [15; 3],
        "one number for all"
    );
    let mut old = Seen::new(Some("2 0:15 1:25".parse().unwrap()), 80);
    old.begin(0, TWO, [DIRECT, A, C]);
    old.sees(A, 90);
    old.begin(1, TWO, [B]);
    assert_eq!([DIRECT, A, B, C].map(|guild| old.before(guild)), [15, 15, 25, 15]);
    old.heard(A, 0);
    let mut next = old.next(95);
    next.begin(0, TWO, [DIRECT, A, C]);
    assert_eq!([DIRECT, A, C].map(|guild| next.before(guild)), [15, 90, 15]);
}

#[test]
fn a_shard_that_is_new_to_this_host_is_asked_from_where_the_host_stopped() {
    let mut seen = Seen::new(None, 10);
    seen.session(0, (0..=0, 2), &[A]);
    seen.sees(A, 30);
    let mut next = seen.next(80);
    next.session(0, TWO, &[A]);
    next.sees(A, 90);
    next.begin(1, TWO, [B]);
    assert_eq!(
        (next.before(B), next.before(A)),
        (30, 90),
        "however far the other one is by then"
    );
    let mut instead = seen.next(80);
    instead.begin(1, (1..=1, 2), [B]);
    assert_eq!(instead.before(B), 30, "instead of its own");
}

#[test]
fn what_is_written_down_can_be_read_and_nothing_else() {
    for text in ["12", "1 0:12", "4 2:12 3:9", "1 0:12\n0:9\n8388608:12"] {
        assert_eq!(text.parse::<Marks>().unwrap().to_string(), text);
    }
    for text in [
        "",
        "a",
        "1 0",
        "1 0:a",
        "a 0:1",
        "1 0:1\n7",
        "1 0:1\n7:",
        "1 0:1\na:7",
    ] {
        assert!(text.parse::<Marks>().is_err(), "{text}");
    }
}

#[test]
fn a_clock_that_was_wrong_is_set_back() {
    let mut seen = Seen::new(Some("1 0:70\n8388608:90".parse().unwrap()), 60);
    seen.begin(0, ALL, [A, C]);
    assert_eq!((seen.before(A), seen.before(C)), (60, 60));
}

#[test]
fn a_guild_that_the_bot_was_thrown_out_of_is_forgotten() {
    let mut seen = begun(10);
    seen.sees(A, 30);
    seen.left(C);
    assert_eq!(seen.mark(C), 0);
    let mut seen = begun(10);
    seen.session(0, ALL, &[A]);
    assert_eq!((seen.mark(A), seen.mark(C)), (10, 0), "while nobody listened");
}

#[test]
fn a_guild_that_breaks_in_the_middle_of_a_session_is_asked_from_there() {
    let mut seen = begun(10);
    seen.sees(C, 30);
    seen.away(C);
    seen.sees(A, 50);
    seen.sees(C, 60);
    seen.away(C);
    assert_eq!((seen.before(C), seen.mark(C), seen.mark(A)), (30, 30, 50));
    seen.heard(C, 0);
    assert_eq!(seen.mark(C), 60);
}

#[test]
fn who_looks_for_direct_messages_since_an_earlier_session_has_not_looked_for_the_later_ones() {
    let mut seen = begun(10);
    let first = seen.begin(0, ALL, [DIRECT]);
    seen.sees(DIRECT, 30);
    let second = seen.begin(0, ALL, [DIRECT]);
    assert!(seen.is_session(0, second) && !seen.is_session(0, first));
    seen.sees(DIRECT, 50);
    seen.heard_direct(0, first);
    assert_eq!(seen.before(DIRECT), 10);
    seen.heard_direct(0, second);
    assert_eq!(seen.before(DIRECT), 50);
}

#[test]
fn what_is_nothing_counts_as_seen_behind_what_is_under_way() {
    let mut seen = begun(10);
    seen.came(A, 20);
    seen.passed(A, 30);
    assert_eq!(seen.mark(A), 19);
    seen.done(A, 20);
    assert_eq!(seen.mark(A), 30);
}
