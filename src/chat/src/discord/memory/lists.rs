//! Lists, a line for each entry.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::OpenOptions;
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::str::FromStr;

use super::Memory;
use crate::discord::admission::Id;

/// Says in the list of direct conversations that it has all of them.
const ALL: &str = "all";
/// Ends a line of ids: half a number is a number, too.
const END: &str = " .";

/// The direct conversations that there are.
#[derive(Debug, Default, PartialEq, Eq)]
pub(in crate::discord) struct Direct {
    /// The channel, and the person; the newest last.
    pub(in crate::discord) conversations: Vec<(Id, Id)>,
    /// There are no others among the threads. An earlier version wrote no such list.
    pub(in crate::discord) is_all: bool,
}

/// A message that called the bot into a thread where it did not listen until then.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::discord) struct Call {
    pub(in crate::discord) message: Id,
    /// 0: an earlier version did not say it.
    pub(in crate::discord) guild: Id,
}

fn called(thread: Id, Call { message, guild }: Call) -> String {
    format!("{thread} {message} {guild}{END}")
}

/// An id, and another one or a number.
fn pair<N: FromStr>(line: &str) -> Option<(Id, N)> {
    let (one, other) = line.split_once(' ')?;
    Some((one.parse().ok()?, other.parse().ok()?))
}

impl Memory {
    /// Turns in a row that bots began, by channel.
    pub(in crate::discord) fn bot_turns(&self) -> BTreeMap<Id, u32> {
        let text = self.read("bot-turns").unwrap_or_default();
        text.lines().filter_map(pair).collect()
    }

    pub(in crate::discord) fn set_bot_turns(&self, turns: &BTreeMap<Id, u32>) -> io::Result<()> {
        let lines = turns
            .iter()
            .map(|(channel, turns)| format!("{channel} {turns}\n"));
        self.write("bot-turns", lines.collect::<String>().as_bytes())
    }

    /// Who was told whose login pays, and in which channel; the newest of each counts.
    pub(in crate::discord) fn payers(&self) -> Vec<(Id, Id, String)> {
        let text = self.read("payers").unwrap_or_default();
        let one = |line: &str| {
            let mut words = line.split(' ');
            let (channel, user) = (words.next()?.parse().ok()?, words.next()?.parse().ok()?);
            Some((channel, user, words.next()?.to_owned()))
        };
        text.lines().filter_map(one).collect()
    }

    /// Added at the end. Half of a line is taken for none, and then it is told once more.
    pub(in crate::discord) fn add_payer(&self, channel: Id, user: Id, pays: &str) -> io::Result<()> {
        self.append("payers", &format!("{channel} {user} {pays}"))
    }

    /// Threads that the bot was taken out of.
    pub(in crate::discord) fn taken_out(&self) -> BTreeSet<Id> {
        let text = self.read("taken-out").unwrap_or_default();
        text.lines().filter_map(|line| line.parse().ok()).collect()
    }

    pub(in crate::discord) fn set_taken_out(&self, threads: &BTreeSet<Id>) -> io::Result<()> {
        let lines = threads.iter().map(|thread| format!("{thread}\n"));
        self.write("taken-out", lines.collect::<String>().as_bytes())
    }

    /// The messages that called the bot into threads; the last one of each counts.
    pub(in crate::discord) fn called(&self) -> BTreeMap<Id, Call> {
        let text = self.read("called").unwrap_or_default();
        let one = |line: &str| {
            let (thread, call) = line.strip_suffix(END)?.split_once(' ')?;
            let (message, guild) = call.split_once(' ').unwrap_or((call, "0"));
            let (message, guild) = (message.parse().ok()?, guild.parse().ok()?);
            Some((thread.parse().ok()?, Call { message, guild }))
        };
        text.lines().filter_map(one).collect()
    }

    pub(in crate::discord) fn add_called(&self, thread: Id, call: Call) -> io::Result<()> {
        self.append("called", &called(thread, call))
    }

    /// All others are forgotten.
    pub(in crate::discord) fn set_called(&self, calls: &BTreeMap<Id, Call>) -> io::Result<()> {
        let lines = calls.iter().map(|(thread, call)| called(*thread, *call) + "\n");
        self.write("called", lines.collect::<String>().as_bytes())
    }

    /// The direct conversations that were written down.
    pub(in crate::discord) fn direct(&self) -> Direct {
        let text = self.read("direct").unwrap_or_default();
        Direct {
            conversations: text
                .lines()
                .filter_map(|line| pair(line.strip_suffix(END)?))
                .collect(),
            is_all: text.lines().any(|line| line == ALL),
        }
    }

    /// One more, and with whom.
    pub(in crate::discord) fn add_direct(&self, channel: Id, person: Id) -> io::Result<()> {
        self.append("direct", &format!("{channel} {person}{END}"))
    }

    /// All that there were when an earlier version ran are in the list.
    pub(in crate::discord) fn has_all_direct(&self) -> io::Result<()> {
        self.append("direct", ALL)
    }

    /// Adds a line at the end. Half of one, where power was lost, is taken for none, and spoils none that follows.
    fn append(&self, name: &str, line: &str) -> io::Result<()> {
        let mut file = OpenOptions::new();
        let file = file.append(true).create(true).mode(0o600);
        let mut file = file.open(self.folder.join(name))?;
        file.write_all(format!("\n{line}\n").as_bytes())?;
        file.sync_data()
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn direct_conversations_are_there_after_a_restart_and_half_a_line_is_none() {
        let folder = tempfile::tempdir().unwrap();
        let memory = Memory::open(folder.path()).unwrap();
        assert_eq!(memory.direct(), Direct::default());
        memory.add_direct(12, 34).unwrap();
        let file = folder.path().join("discord/direct");
        let whole = fs::read_to_string(&file).unwrap();
        fs::write(&file, format!("{whole}56 7")).unwrap();
        memory.add_direct(90, 12).unwrap();
        let known = Direct {
            conversations: vec![(12, 34), (90, 12)],
            is_all: false,
        };
        assert_eq!(memory.direct(), known);
        memory.has_all_direct().unwrap();
        assert!(memory.direct().is_all);
        let call = |message| Call { message, guild: 1 };
        for (thread, message) in [(7, 70), (8, 80), (7, 90)] {
            memory.add_called(thread, call(message)).unwrap();
        }
        let file = folder.path().join("discord/called");
        let whole = fs::read_to_string(&file).unwrap();
        fs::write(&file, format!("{whole}6 60 .\n8 8")).unwrap();
        let older = Call {
            message: 60,
            guild: 0,
        };
        assert_eq!(memory.called(), [(6, older), (7, call(90)), (8, call(80))].into());
        memory.set_called(&[(7, call(90))].into()).unwrap();
        memory.add_called(9, call(95)).unwrap();
        assert_eq!(memory.called(), [(7, call(90)), (9, call(95))].into());
        memory.set_taken_out(&[7, 8].into()).unwrap();
        assert_eq!(memory.taken_out(), [7, 8].into());
    }
}
