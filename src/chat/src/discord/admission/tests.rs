//! The table that says who is listened to, line by line.

use proptest::prelude::*;

use super::*;

/// People, machines, roles and places of the table.
const OWNER: Id = 1;
const ALICE: Id = 2;
const BOB: Id = 3;
const ROBOT: Id = 4;
const US: Id = 9;
const TEAM: Id = 20;
const GUILD: Id = 30;
const OTHER_GUILD: Id = 31;
const TALK: Id = 40;
const BUSY: Id = 41;
const QUIET: Id = 42;

/// `alice` is listed, who has the role `TEAM` too; three channels have modes.
fn team() -> Rules {
    Rules {
        owners: [OWNER].into(),
        users: [ALICE].into(),
        roles: [TEAM].into(),
        allowed: [TALK, BUSY, QUIET].into(),
        modes: [(BUSY, Mode::All), (QUIET, Mode::Off)].into(),
        bots: [ROBOT].into(),
        bot_turns: 3,
        dms: true,
        ..Rules::default()
    }
}

fn bare() -> Rules {
    Rules {
        owners: [OWNER].into(),
        dms: true,
        ..Rules::default()
    }
}

fn everyone() -> Rules {
    Rules {
        everyone: true,
        ..bare()
    }
}

fn guild_only() -> Rules {
    Rules {
        guilds: [GUILD].into(),
        ..everyone()
    }
}

fn author(id: Id, kind: AuthorKind) -> Author {
    Author {
        id,
        kind,
        roles: BTreeSet::new(),
    }
}

fn person(id: Id) -> Author {
    author(id, AuthorKind::Person)
}

fn says(author: Author, place: Place) -> Facts {
    Facts {
        author,
        place,
        mentioned: false,
        elsewhere: false,
        answers: None,
        empty: false,
        known: Known::No,
        bot_turns: 0,
    }
}

fn channel(channel: Id) -> Place {
    Place::Channel {
        guild: GUILD,
        channel,
    }
}

fn thread(parent: Id) -> Place {
    Place::Thread { guild: GUILD, parent }
}

fn mention(facts: Facts) -> Facts {
    Facts {
        mentioned: true,
        ..facts
    }
}

fn to_another(facts: Facts) -> Facts {
    Facts {
        elsewhere: true,
        ..facts
    }
}

fn voice(channel: Id) -> Place {
    Place::Voice {
        guild: GUILD,
        channel,
    }
}

fn known(facts: Facts) -> Facts {
    let known = Known::Served;
    Facts { known, ..facts }
}

fn taken_out(facts: Facts) -> Facts {
    let known = Known::TakenOut;
    Facts { known, ..facts }
}

/// It answers a message of theirs.
fn answers(by: Id, facts: Facts) -> Facts {
    let answers = Some(by);
    Facts { answers, ..facts }
}

fn empty(facts: Facts) -> Facts {
    Facts { empty: true, ..facts }
}

fn robot(bot_turns: u32, place: Place) -> Facts {
    Facts {
        bot_turns,
        ..mention(says(author(ROBOT, AuthorKind::Machine), place))
    }
}

fn refuse(why: Refusal, say: Say) -> Verdict {
    Verdict::Refuse { why, say }
}

#[test]
#[rustfmt::skip]
fn what_becomes_of_each_message() {
    use Refusal::{NoDms, NoThreads, NotHere, NotListed, NothingSaid, TooManyBotTurns};
    use Verdict::{Ignore, Join, OpenThread, Turn};
    let member = || Author { roles: [TEAM].into(), ..person(BOB) };
    let elsewhere = Place::Channel { guild: OTHER_GUILD, channel: 99 };
    let table: &[(&str, Rules, Facts, Verdict)] = &[
        // a channel in which the bot is mentioned
        ("a listed user mentions it",             team(), mention(says(person(ALICE), channel(TALK))), OpenThread),
        ("and says nothing to it",                team(), says(person(ALICE), channel(TALK)), Ignore),
        ("a member with a listed role",           team(), mention(says(member(), channel(TALK))), OpenThread),
        ("the owner is always listed",            team(), mention(says(person(OWNER), channel(TALK))), OpenThread),
        ("a stranger mentions it",                team(), mention(says(person(BOB), channel(TALK))), refuse(NotListed, Say::Reply)),
        ("a stranger says nothing to it",         team(), says(person(BOB), channel(TALK)), Ignore),
        ("a channel that is not listed",          team(), mention(says(person(ALICE), channel(77))), refuse(NotHere, Say::Reply)),
        ("not even the owner's word opens it",    team(), mention(says(person(OWNER), channel(77))), refuse(NotHere, Say::Reply)),
        // the modes all and off
        ("all: no mention needed",                team(), says(person(ALICE), channel(BUSY)), OpenThread),
        ("all: strangers stay strangers",         team(), says(person(BOB), channel(BUSY)), refuse(NotListed, Say::Nothing)),
        ("all: one who asks is told",             team(), mention(says(person(BOB), channel(BUSY))), refuse(NotListed, Say::Reply)),
        ("off: nothing happens",                  team(), mention(says(person(ALICE), channel(QUIET))), Ignore),
        ("off: in its threads neither",           team(), known(mention(says(person(ALICE), thread(QUIET)))), Ignore),
        // beside voices, where no threads can be opened
        ("a mention beside voices",               team(), mention(says(person(ALICE), voice(TALK))), refuse(NoThreads, Say::Reply)),
        ("of a stranger",                         team(), mention(says(person(BOB), voice(TALK))), refuse(NotListed, Say::Reply)),
        ("all: chatting beside voices",           team(), says(person(ALICE), voice(BUSY)), Ignore),
        ("a listed bot there",                    team(), robot(0, voice(TALK)), Ignore),
        // threads and forum posts
        ("a mention in a thread joins it",        team(), mention(says(person(ALICE), thread(TALK))), Join),
        ("other threads are other people's",      team(), says(person(ALICE), thread(TALK)), Ignore),
        ("all: a post is joined at once",         team(), says(person(ALICE), thread(BUSY)), Join),
        ("a known thread needs no mention",       team(), known(says(person(ALICE), thread(TALK))), Turn),
        ("a removed user in a known thread",      team(), known(says(person(BOB), thread(TALK))), refuse(NotListed, Say::Once)),
        ("who asks there is told each time",      team(), known(mention(says(person(BOB), thread(TALK)))), refuse(NotListed, Say::Reply)),
        ("a known thread of a removed channel",   team(), known(says(person(ALICE), thread(77))), refuse(NotHere, Say::Once)),
        // direct messages
        ("a direct message",                      team(), says(person(ALICE), Place::Dm), Join),
        ("the next one",                          team(), known(says(person(ALICE), Place::Dm)), Turn),
        ("of a stranger",                         team(), says(person(BOB), Place::Dm), refuse(NotListed, Say::Reply)),
        ("where they are not answered",           Rules { dms: false, ..team() }, says(person(OWNER), Place::Dm), refuse(NoDms, Say::Reply)),
        // empty lists, and everyone
        ("empty lists: the owner may",            bare(), mention(says(person(OWNER), elsewhere)), OpenThread),
        ("empty lists: nobody else",              bare(), mention(says(person(ALICE), elsewhere)), refuse(NotListed, Say::Reply)),
        ("no owner known: nobody",                Rules::default(), mention(says(person(OWNER), elsewhere)), refuse(NotListed, Say::Reply)),
        ("only places listed: the owner only",    Rules { allowed: [TALK].into(), ..bare() },
                                                          mention(says(person(ALICE), channel(TALK))), refuse(NotListed, Say::Reply)),
        ("what is said of one channel lists none", Rules { modes: [(QUIET, Mode::Off), (BUSY, Mode::All)].into(), ..bare() },
                                                          mention(says(person(OWNER), elsewhere)), OpenThread),
        ("off in a listed guild",                 Rules { modes: [(TALK, Mode::Off)].into(), ..guild_only() }, mention(says(person(OWNER), channel(TALK))), Ignore),
        ("everyone, written out",                 everyone(), mention(says(person(BOB), elsewhere)), OpenThread),
        ("everyone in one guild",                 guild_only(), mention(says(person(BOB), channel(TALK))), OpenThread),
        ("and not in another",                    guild_only(), mention(says(person(BOB), elsewhere)), refuse(NotHere, Say::Reply)),
        // bots, webhooks, ourselves, Discord
        ("a listed bot",                          team(), robot(0, thread(TALK)), Join),
        ("its last turn",                         team(), robot(2, thread(TALK)), Join),
        ("one too many",                          team(), robot(3, thread(TALK)), refuse(TooManyBotTurns, Say::Once)),
        ("a person may always go on",             team(), Facts { bot_turns: 9, ..known(says(person(ALICE), thread(TALK))) }, Turn),
        ("a bot elsewhere is not answered",       team(), robot(0, elsewhere), refuse(NotHere, Say::Nothing)),
        ("a bot that is not listed",              team(), mention(says(author(5, AuthorKind::Machine), channel(TALK))), Ignore),
        ("a webhook, although everyone may",      everyone(), mention(says(author(5, AuthorKind::Machine), elsewhere)), Ignore),
        ("our own words",                         everyone(), mention(says(author(US, AuthorKind::Ourselves), elsewhere)), Ignore),
        ("our own words, were we listed",         Rules { bots: [US].into(), ..everyone() }, known(says(author(US, AuthorKind::Ourselves), thread(TALK))), Ignore),
        ("Discord's own words",                   everyone(), known(says(author(ALICE, AuthorKind::System), thread(TALK))), Ignore),
        // nothing in it
        ("only the mention",                      team(), empty(mention(says(person(ALICE), channel(TALK)))), refuse(NothingSaid, Say::Reply)),
        ("a sticker in a known thread",           team(), empty(known(says(person(ALICE), thread(TALK)))), Ignore),
    ];
    holds(table);
}

fn holds(table: &[(&str, Rules, Facts, Verdict)]) {
    for (what, rules, facts, verdict) in table {
        assert_eq!(decide(rules, facts), *verdict, "{what}");
    }
}

#[test]
#[rustfmt::skip]
fn what_people_say_to_each_other_and_where_they_took_the_bot_out() {
    use Refusal::NotListed;
    use Verdict::{Ignore, Join, OpenThread, Turn};
    holds(&[
        // people who talk among themselves
        ("to another, in a known thread",         team(), to_another(known(says(person(ALICE), thread(TALK)))), Ignore),
        ("to another and to the bot",             team(), to_another(known(mention(says(person(ALICE), thread(TALK))))), Turn),
        ("all: to another",                       team(), to_another(says(person(ALICE), channel(BUSY))), Ignore),
        ("to another, said to the bot alone",     team(), to_another(known(says(person(ALICE), Place::Dm))), Turn),
        ("a stranger, to another",                team(), to_another(known(says(person(BOB), thread(TALK)))), Ignore),
        ("an answer to another's message",        team(), answers(BOB, known(says(person(ALICE), thread(TALK)))), Ignore),
        ("to another bot's",                      team(), answers(ROBOT, known(says(person(ALICE), thread(TALK)))), Ignore),
        ("to their own",                          team(), answers(ALICE, known(says(person(ALICE), thread(TALK)))), Turn),
        ("to the bot's, which calls it",          team(), answers(US, known(mention(says(person(ALICE), thread(TALK))))), Turn),
        ("to another's, and it names the bot",    team(), answers(BOB, known(mention(says(person(ALICE), thread(TALK))))), Turn),
        ("and in a thread of other people's",     team(), answers(BOB, mention(says(person(ALICE), thread(TALK)))), Join),
        ("all: to another's",                     team(), answers(BOB, says(person(ALICE), channel(BUSY))), Ignore),
        ("all: to their own",                     team(), answers(ALICE, says(person(ALICE), channel(BUSY))), OpenThread),
        ("to another's, said to the bot alone",   team(), answers(BOB, known(says(person(ALICE), Place::Dm))), Turn),
        ("a stranger, to another's",              team(), answers(ALICE, known(says(person(BOB), thread(TALK)))), Ignore),
        // threads that the bot was taken out of
        ("taken out: what is said there",         team(), taken_out(says(person(ALICE), thread(TALK))), Ignore),
        ("taken out: who calls it",               team(), taken_out(mention(says(person(ALICE), thread(TALK)))), Join),
        ("taken out: of a channel of mode all",   team(), taken_out(says(person(ALICE), thread(BUSY))), Ignore),
        ("taken out: called there",               team(), taken_out(mention(says(person(ALICE), thread(BUSY)))), Join),
        ("taken out: a stranger who calls it",    team(), taken_out(mention(says(person(BOB), thread(TALK)))), refuse(NotListed, Say::Reply)),
        ("taken out: a stranger who does not",    team(), taken_out(says(person(BOB), thread(BUSY))), Ignore),
        ("taken out: a listed bot that calls it", team(), taken_out(robot(0, thread(TALK))), Join),
    ]);
}

fn anybody() -> impl Strategy<Value = Facts> {
    let kind = prop_oneof![
        Just(AuthorKind::Person),
        Just(AuthorKind::Machine),
        Just(AuthorKind::Ourselves),
        Just(AuthorKind::System)
    ];
    let place = prop_oneof![
        Just(Place::Dm),
        Just(voice(TALK)),
        Just(channel(TALK)),
        Just(thread(BUSY)),
        Just(thread(QUIET)),
        Just(channel(77))
    ];
    let known = prop_oneof![Just(Known::No), Just(Known::Served), Just(Known::TakenOut)];
    let answers = proptest::option::of(1..9_u64);
    let flags = any::<[bool; 3]>();
    (2..9_u64, kind, place, flags, answers, known, 0..6_u32).prop_map(
        |(id, kind, place, [mentioned, elsewhere, empty], answers, known, bot_turns)| Facts {
            author: author(id, kind),
            place,
            mentioned,
            elsewhere,
            answers,
            empty,
            known,
            bot_turns,
        },
    )
}

proptest! {
    #[test]
    fn with_empty_lists_nobody_but_the_owner_begins_a_turn(facts in anybody()) {
        let verdict = decide(&bare(), &facts);
        prop_assert!(matches!(verdict, Verdict::Ignore | Verdict::Refuse { .. }), "{verdict:?}");
    }

    #[test]
    fn who_begins_a_turn_may_also_press_and_command_there(facts in anybody()) {
        if matches!(decide(&team(), &facts), Verdict::OpenThread | Verdict::Join | Verdict::Turn) {
            prop_assert_eq!(admits(&team(), &facts.author, facts.place), Ok(()));
        }
    }
}
