//! One shard, several, and other ones than before.

use super::*;

/// The only shard.
const ALL: (RangeInclusive<Shard>, u32) = (0..=0, 1);
const TWO: (RangeInclusive<Shard>, u32) = (0..=1, 2);

impl Seen {
    /// One message from beginning to end.
    fn sees(&mut self, shard: Shard, message: Id) {
        self.came(shard, message);
        self.done(shard, message);
    }

    fn writes(&mut self) -> Option<String> {
        self.news().map(|marks| marks.to_string())
    }

    /// The next host's, which starts at `first`.
    fn next(&mut self, first: Id) -> Self {
        self.writes();
        let written = self.written.as_ref().map(ToString::to_string);
        Self::new(written.map(|text| text.parse().unwrap()), first)
    }
}

fn begun(upto: Id) -> Seen {
    let mut seen = Seen::new(None, upto);
    seen.begin(0, ALL, []);
    seen
}

#[test]
fn what_is_under_way_holds_back_what_came_after_it() {
    let mut seen = begun(10);
    assert_eq!(seen.writes().as_deref(), Some("1 0:10"));
    seen.came(0, 20);
    seen.came(0, 30);
    seen.came(0, 20);
    seen.done(0, 30);
    seen.done(0, 20);
    assert_eq!(seen.writes().as_deref(), Some("1 0:19"));
    seen.done(0, 20);
    assert_eq!((seen.writes().as_deref(), seen.writes()), (Some("1 0:30"), None));
}

#[test]
fn a_guild_that_has_not_told_what_is_new_holds_back_what_others_tell() {
    let mut seen = begun(10);
    seen.begin(0, ALL, [1, 2]);
    seen.heard(0, 1);
    seen.sees(0, 30);
    assert_eq!(seen.writes().as_deref(), Some("1 0:10"));
    assert_eq!((seen.before(0, 2), seen.before(0, 1)), (Some(10), Some(10)));
    seen.came(0, 11);
    seen.heard(0, 2);
    assert_eq!(seen.writes(), None, "what it told is under way");
    seen.done(0, 11);
    assert_eq!(seen.writes().as_deref(), Some("1 0:30"));
}

#[test]
fn a_guild_that_was_away_for_a_whole_session_is_asked_from_before_it() {
    let mut seen = begun(10);
    seen.begin(0, ALL, [1, 2]);
    seen.heard(0, 1);
    seen.sees(0, 30);
    seen.begin(0, ALL, [1, 2]);
    assert_eq!(seen.before(0, 2), Some(10));
}

#[test]
fn a_shard_that_comes_late_or_again_is_asked_from_where_it_stopped_however_far_others_are() {
    let mut seen = Seen::new(None, 10);
    seen.begin(0, TWO, [2]);
    seen.heard(0, 2);
    seen.sees(0, 30);
    seen.begin(1, TWO, [3]);
    assert_eq!(seen.before(1, 3), Some(10));
    seen.heard(1, 3);
    seen.sees(1, 40);
    seen.sees(0, 90);
    seen.begin(1, TWO, [3]);
    assert_eq!((seen.before(1, 3), seen.before(0, 2)), (Some(40), Some(90)));
}

#[test]
fn a_shard_that_never_came_is_asked_by_the_next_host_from_where_the_last_one_stopped() {
    let mut seen = Seen::new(None, 10);
    seen.begin(0, TWO, [2]);
    seen.heard(0, 2);
    seen.sees(0, 30);
    let mut next = seen.next(80);
    next.begin(0, TWO, [2]);
    next.begin(1, TWO, [3]);
    assert_eq!((next.before(0, 2), next.before(1, 3)), (Some(30), Some(10)));
}

#[test]
fn with_other_shards_than_before_what_was_seen_by_all_is_seen() {
    let mut seen = Seen::new(None, 10);
    for (shard, upto) in [(0, 30), (1, 20)] {
        seen.begin(shard, TWO, []);
        seen.sees(shard, upto);
    }
    let mut next = seen.next(80);
    next.begin(2, (2..=3, 4), [5]);
    assert_eq!((next.before(2, 5), next.before(3, 7)), (Some(20), Some(20)));
    let mut older = Seen::new(Some("15".parse().unwrap()), 80);
    older.begin(1, TWO, [3]);
    assert_eq!(
        (older.before(1, 3), older.before(0, 2)),
        (Some(15), Some(15)),
        "one number for all"
    );
}

#[test]
fn a_shard_that_was_another_hosts_begins_with_this_one() {
    let mut seen = Seen::new(None, 10);
    seen.begin(0, (0..=0, 2), []);
    seen.sees(0, 30);
    let mut next = seen.next(80);
    next.begin(1, TWO, [3]);
    assert_eq!(next.before(1, 3), Some(80));
}

#[test]
fn what_is_written_down_can_be_read_and_nothing_else() {
    for text in ["12", "1 0:12", "4 2:12 3:9"] {
        assert_eq!(text.parse::<Marks>().unwrap().to_string(), text);
    }
    for text in ["", "a", "1 0", "1 0:a", "a 0:1"] {
        assert!(text.parse::<Marks>().is_err(), "{text}");
    }
}

#[test]
fn a_guild_that_the_bot_was_thrown_out_of_holds_nothing_back() {
    let mut seen = begun(10);
    seen.begin(0, ALL, [1, 2]);
    seen.heard(0, 1);
    seen.sees(0, 30);
    assert_eq!(seen.writes().as_deref(), Some("1 0:10"));
    seen.begin(0, ALL, [1]);
    seen.heard(0, 1);
    assert_eq!(seen.writes().as_deref(), Some("1 0:30"));
}

#[test]
fn a_guild_that_breaks_in_the_middle_of_a_session_is_asked_from_there_however_much_others_tell() {
    let mut seen = begun(10);
    seen.begin(0, ALL, [1, 2]);
    seen.heard(0, 1);
    seen.heard(0, 2);
    seen.sees(0, 30);
    seen.away(0, 2);
    seen.sees(0, 50);
    seen.away(0, 2);
    assert_eq!(seen.before(0, 2), Some(30));
    assert_eq!(seen.writes().as_deref(), Some("1 0:30"));
    seen.heard(0, 2);
    assert_eq!(seen.writes().as_deref(), Some("1 0:50"));
}

#[test]
fn who_looks_for_direct_messages_since_an_earlier_session_has_not_looked_for_the_later_ones() {
    let mut seen = begun(10);
    let first = seen.begin(0, ALL, [DIRECT]);
    seen.sees(0, 30);
    let second = seen.begin(0, ALL, [DIRECT]);
    assert!(seen.is_session(0, second) && !seen.is_session(0, first));
    seen.sees(0, 50);
    seen.heard_direct(0, first);
    assert_eq!(seen.before(0, DIRECT), Some(10));
    seen.heard_direct(0, second);
    assert_eq!(seen.before(0, DIRECT), Some(50));
}

#[test]
fn what_is_nothing_counts_as_seen_behind_what_is_under_way() {
    let mut seen = begun(10);
    seen.came(0, 20);
    seen.passed(0, 30);
    assert_eq!(seen.writes().as_deref(), Some("1 0:19"));
    seen.done(0, 20);
    assert_eq!(seen.writes().as_deref(), Some("1 0:30"));
}
