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
        let hold = self.came(guild, message);
        self.done(hold);
    }

    /// One that came is dealt with.
    fn ends(&mut self, guild: Id, message: Id) {
        let channel = None;
        self.done(Hold {
            guild,
            channel,
            message,
        });
    }

    /// What the bot may not read in a channel.
    fn may_not_read(&mut self, guild: Id, channel: Id, after: Id) {
        let unread = Unread {
            after,
            is_hidden: false,
            is_kept: true,
        };
        self.leaves(guild, channel, unread);
    }

    /// What is still to be read in A: channels, and after which message.
    fn unread_in_a(&self) -> Vec<(Id, Id)> {
        let unread = self.unread(A).into_iter();
        unread.map(|(channel, unread)| (channel, unread.after)).collect()
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
    seen.ends(A, 30);
    seen.ends(A, 20);
    assert_eq!(seen.mark(A), 19);
    seen.ends(A, 20);
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
    seen.ends(C, 11);
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
    seen.may_not_read(A, 5, 20);
    let mut elsewhere = seen.next(80);
    elsewhere.begin(0, (0..=0, 4), []);
    let mut next = seen.next(80);
    next.begin(2, (2..=3, 4), [A]);
    next.begin(3, (2..=3, 4), [B, 7 << 22]);
    assert_eq!((next.before(A), next.before(B)), (30, 20));
    assert_eq!(
        (next.unread_in_a(), elsewhere.unread_in_a()),
        (vec![(5, 20)], vec![])
    );
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
    for text in [
        "12",
        "1 0:12",
        "4 2:12 3:9",
        "1 0:12\n0:9\n8388608:12",
        "1 0:12\n7:9\n7/5:8\n7/6:9",
    ] {
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
        "1 0:1\n7/:7",
        "1 0:1\n/7:7",
    ] {
        assert!(text.parse::<Marks>().is_err(), "{text}");
    }
}

#[test]
fn a_clock_that_was_wrong_is_set_back() {
    let mut seen = Seen::new(Some("1 0:70\n8388608:90\n8388608/5:80".parse().unwrap()), 60);
    seen.begin(0, ALL, [A, C]);
    assert_eq!(seen.unread_in_a(), [(5, 60)]);
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
    seen.ends(A, 20);
    assert_eq!(seen.mark(A), 30);
}

#[test]
fn what_is_read_late_in_a_channel_holds_back_that_channel_alone_until_all_of_it_is_dealt_with() {
    let mut seen = begun(10);
    seen.sees(A, 50);
    let page = seen.reads(A, 5, 20);
    let late = seen.holds(A, 5, 25);
    seen.done(page);
    seen.sees(A, 60);
    assert_eq!(seen.mark(A), 60, "what is said elsewhere");
    let mut next = seen.next(80);
    next.begin(0, ALL, [A, C]);
    assert_eq!((next.before(A), next.unread_in_a()), (60, vec![(5, 24)]));
    assert_eq!((next.since(A, 5, 60), next.since(A, 6, 60)), (24, 60));
    seen.done(late);
    assert_eq!(seen.next(80).unread_in_a(), []);
}

#[test]
fn what_goes_behind_what_is_written_is_known_until_that_is_written_anew() {
    let mut seen = begun(10);
    seen.sees(A, 50);
    assert!(seen.news().is_some());
    let after = |seen: &mut Seen, after| {
        let hold = seen.reads(A, 5, after);
        seen.is_written(hold)
    };
    assert!(after(&mut seen, 50) && !after(&mut seen, 49));
    assert!(seen.news().is_some());
    assert!(after(&mut seen, 49) && !after(&mut seen, 48));
    assert!(seen.news().is_some() && after(&mut seen, 48));
    // It could not be.
    seen.is_unwritten();
    assert!(!after(&mut seen, 48) && seen.news().is_some());
    // Of direct conversations, all of which are read, one mark says it.
    seen.session(0, ALL, &[DIRECT, A, C]);
    seen.sees(DIRECT, 90);
    assert!(seen.news().is_some());
    let direct = seen.reads(DIRECT, 7, 70);
    assert!(!seen.is_written(direct));
    assert_eq!((seen.mark(DIRECT), seen.is_written(direct)), (70, true));
    seen.done(direct);
    assert_eq!(seen.mark(DIRECT), 90);
}

#[test]
fn what_could_not_be_read_is_read_from_there_whatever_came_since_also_by_the_next_host() {
    let mut seen = begun(10);
    seen.sees(A, 60);
    seen.may_not_read(A, 5, 50);
    seen.may_not_read(A, 5, 55);
    seen.heard_in(A, 5, 70);
    let mut next = seen.next(80);
    next.begin(0, ALL, [A, C]);
    for seen in [&mut seen, &mut next] {
        assert_eq!((seen.unread_in_a(), seen.since(A, 5, 60)), (vec![(5, 50)], 50));
        let hold = seen.reads(A, 5, 50);
        seen.takes(5);
        assert_eq!(
            (seen.unread_in_a(), seen.next(80).unread_in_a()),
            (vec![], vec![(5, 50)])
        );
        seen.done(hold);
        assert_eq!(seen.next(80).unread_in_a(), []);
    }
}

#[test]
fn a_channel_that_is_hidden_is_kept_for_the_next_host_if_it_was_seen_and_stays_so_until_it_is_shown() {
    let mut seen = begun(10);
    let hidden = |is_kept| Unread {
        after: 10,
        is_hidden: true,
        is_kept,
    };
    seen.leaves(A, 5, hidden(true));
    seen.leaves(A, 6, hidden(false));
    seen.may_not_read(A, 5, 30);
    assert_eq!(seen.unread_in_a(), [(5, 10), (6, 10)]);
    assert!(
        seen.unread(A)[&5].is_hidden,
        "what can't be said there does not show it"
    );
    assert_eq!(seen.next(80).unread_in_a(), [(5, 10)]);
    seen.shows(5);
    assert!(!seen.unread(A)[&5].is_hidden);
    seen.gone(5);
    seen.left(A);
    assert_eq!(seen.unread_in_a(), []);
}

#[test]
fn a_channel_was_heard_up_to_its_newest_message_or_what_was_seen_of_its_guild() {
    let mut seen = begun(10);
    let held = seen.came(A, 20);
    seen.came(A, 20);
    seen.heard_in(A, 5, 50);
    seen.heard_in(A, 5, 45);
    seen.passed(A, 50);
    assert_eq!(
        (seen.mark(A), seen.since(A, 5, 19), seen.since(A, 6, 19)),
        (19, 50, 19)
    );
    assert_eq!(seen.since(A, 5, 60), 60);
    // What its guild's mark says as well is forgotten.
    seen.done(held);
    seen.done(held);
    assert_eq!((seen.mark(A), seen.since(A, 5, 19)), (50, 19));
}

#[test]
fn what_was_said_before_a_message_can_be_read_again_until_all_marks_are_behind_it() {
    let mut seen = begun(10);
    seen.sees(A, 60);
    let before = |seen: &Seen| [A, B, C, 0].map(|guild| seen.may_read_before(guild, 60));
    assert_eq!(before(&seen), [false, true, true, true]);
    seen.sees(C, 60);
    assert_eq!(before(&seen), [false, true, false, true]);
    seen.may_not_read(A, 5, 50);
    assert_eq!(before(&seen), [true, true, false, true]);
    assert_eq!(before(&Seen::new(None, 80)), [false; 4]);
}
