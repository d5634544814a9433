//! What has to outlive the host besides the conversation: the key of the buttons, how far messages were seen, how far each
//! thread was told, how many turns bots began, who was told whose login pays, which direct conversations there are, which threads
//! the bot was taken out of, which it was called into and which were asked for, and how those are answered who sign in with a code.
//! Small files of mode 0600 in `discord/` of the state folder.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use conversation::ItemId;
use credentials::{Service, UserId};

use super::admission::Id;
use super::custom_id::Sealer;
use super::places::lock;
use super::seen::Marks;

mod lists;

pub(super) use lists::{Call, Direct};

/// What the name of a file ends with that is being written.
const BESIDE: &str = ".new";

/// The folder.
#[derive(Debug, Clone)]
pub(super) struct Memory {
    folder: PathBuf,
    /// One is written at a time: two tasks may want to write the same one.
    writing: Arc<Mutex<()>>,
}

/// How far a thread was told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Told {
    /// Everything up to this entry stands there as it should.
    pub(super) upto: ItemId,
    /// What of that after it.
    pub(super) rest: Rest,
}

/// What is to be told of a thread after the entry up to which it was told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rest {
    /// Nothing.
    Nothing,
    /// It is being told.
    Open,
    /// It stands there, and Discord did not let some of it be changed: tried again when the thread may be written in.
    Stale,
    /// It stands there, but for a sign, which can be set when the thread is opened again. No person need know.
    Unsigned,
}

impl Memory {
    /// In this state folder.
    pub(super) fn open(state_folder: &Path) -> io::Result<Self> {
        let folder = state_folder.join("discord");
        let mut make = fs::DirBuilder::new();
        make.recursive(true).mode(0o700);
        make.create(folder.join("threads"))?;
        make.create(folder.join("sign-ins"))?;
        make.create(folder.join("new"))?;
        for of in ["", "threads", "sign-ins", "new"] {
            forget_unfinished(&folder.join(of))?;
        }
        let writing = Arc::default();
        Ok(Self { folder, writing })
    }

    /// Seals the names of buttons, with a key that is made once.
    pub(super) fn sealer(&self) -> io::Result<Sealer> {
        let path = self.folder.join("button.key");
        match fs::read(&path) {
            Ok(key) => {
                if let Ok(key) = <[u8; 32]>::try_from(key) {
                    return Ok(Sealer::new(key));
                }
                tracing::error!(
                    "`discord/button.key` in the state folder is no key; older buttons do nothing any more"
                );
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            // It may be there again in a moment.
            Err(error) => return Err(error),
        }
        let mut key = [0; 32];
        getrandom::fill(&mut key).map_err(|error| io::Error::other(error.to_string()))?;
        self.write("button.key", &key)?;
        Ok(Sealer::new(key))
    }

    /// Which messages were seen; `None`: no host has ever written that down.
    pub(super) fn seen(&self) -> io::Result<Option<Marks>> {
        match fs::read_to_string(self.folder.join("seen")) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            text => text?.trim().parse().map(Some).map_err(io::Error::other),
        }
    }

    pub(super) fn set_seen(&self, marks: &Marks) -> io::Result<()> {
        self.write("seen", marks.to_string().as_bytes())
    }

    /// Threads that were asked for by `/new`, and are not opened yet: the interaction, and what is to be known of it.
    pub(super) fn new_threads(&self) -> io::Result<Vec<(Id, String)>> {
        let mut asked = vec![];
        for entry in fs::read_dir(self.folder.join("new"))? {
            let name = entry?.file_name();
            let id: Option<Id> = name.to_str().and_then(|name| name.parse().ok());
            asked.extend(id.and_then(|id| Some((id, self.read(&format!("new/{id}"))?))));
        }
        asked.sort();
        Ok(asked)
    }

    /// Whether this interaction was not heard of before.
    pub(super) fn claim_new_thread(&self, interaction: Id) -> io::Result<bool> {
        let path = self.folder.join(format!("new/{interaction}"));
        let mut make = OpenOptions::new();
        match make.write(true).create_new(true).mode(0o600).open(path) {
            Ok(_) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Keeps one of them; `None` forgets it.
    pub(super) fn set_new_thread(&self, interaction: Id, asked: Option<&str>) -> io::Result<()> {
        let name = format!("new/{interaction}");
        match asked {
            Some(asked) => self.write(&name, asked.as_bytes()),
            None => fs::remove_file(self.folder.join(name)),
        }
    }

    /// How far a thread was told; `None`: nobody knows.
    pub(super) fn told(&self, thread: Id) -> Option<Told> {
        let text = self.read(&format!("threads/{thread}"))?;
        let (upto, state) = text.split_once(' ')?;
        Some(Told {
            upto: ItemId(upto.parse().ok()?),
            rest: match state {
                "open" => Rest::Open,
                "stale" => Rest::Stale,
                "unsigned" => Rest::Unsigned,
                _ => Rest::Nothing,
            },
        })
    }

    pub(super) fn set_told(&self, thread: Id, told: Told) -> io::Result<()> {
        let state = match told.rest {
            Rest::Nothing => "done",
            Rest::Open => "open",
            Rest::Stale => "stale",
            Rest::Unsigned => "unsigned",
        };
        self.write(
            &format!("threads/{thread}"),
            format!("{} {state}", told.upto).as_bytes(),
        )
    }

    /// Of a thread that is not there any more nothing is ever told.
    pub(super) fn forget_told(&self, thread: Id) -> io::Result<()> {
        match fs::remove_file(self.folder.join(format!("threads/{thread}"))) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            removed => removed,
        }
    }

    /// How somebody is told how the sign-in ended that they began by an interaction; `None` forgets it.
    pub(super) fn set_sign_in(
        &self,
        (begun_by, user, service): (Id, &UserId, &Service),
        line: Option<&str>,
    ) -> io::Result<()> {
        let name = sign_in(begun_by, user, service);
        match line {
            Some(line) => self.write(&name, line.as_bytes()),
            None => fs::remove_file(self.folder.join(name)),
        }
    }

    /// Who is to be told how their sign-in ended, and how, as an earlier host wrote it down: each by the interaction that its
    /// line begins with.
    pub(super) fn sign_ins(&self) -> io::Result<Vec<(Id, UserId, Service, String)>> {
        let mut kept = vec![];
        for entry in fs::read_dir(self.folder.join("sign-ins"))? {
            let name = entry?.file_name();
            let Some(name) = name.to_str().filter(|name| !name.ends_with(BESIDE)) else {
                continue;
            };
            let line = self.read(&format!("sign-ins/{name}")).unwrap_or_default();
            let first = line.split(' ').next().unwrap_or_default();
            // An earlier version named it by what follows alone, and kept one of each.
            let whose = name.strip_prefix(&format!("{first}.")).unwrap_or(name);
            if let Ok(begun_by) = first.parse()
                && let Some((user, service)) = whose.split_once('.')
                && let Ok(user) = UserId::parse(&user.replacen('-', ":", 1))
                && let Ok(service) = Service::parse(service)
            {
                if whose == name {
                    let ours = sign_in(begun_by, &user, &service);
                    fs::rename(self.folder.join("sign-ins").join(name), self.folder.join(ours))?;
                }
                kept.push((begun_by, user, service, line));
            }
        }
        Ok(kept)
    }

    /// Threads of which something is still to be told, and what.
    pub(super) fn unfinished(&self) -> io::Result<Vec<(Id, Rest)>> {
        let mut unfinished = vec![];
        for entry in fs::read_dir(self.folder.join("threads"))? {
            let name = entry?.file_name();
            let Some(thread) = name.to_str().and_then(|name| name.parse().ok()) else {
                continue;
            };
            if let Some(told) = self.told(thread)
                && told.rest != Rest::Nothing
            {
                unfinished.push((thread, told.rest));
            }
        }
        unfinished.sort_unstable_by_key(|(thread, _)| *thread);
        Ok(unfinished)
    }

    fn read(&self, name: &str) -> Option<String> {
        let text = fs::read_to_string(self.folder.join(name)).ok()?;
        Some(text.trim().to_owned())
    }

    /// Old or new, never half and never nothing; and new from then on, also after a loss of power.
    fn write(&self, name: &str, content: &[u8]) -> io::Result<()> {
        let _one = lock(&self.writing);
        let path = self.folder.join(name);
        let mut beside = path.clone().into_os_string();
        beside.push(BESIDE);
        let mut file: File = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&beside)?;
        file.write_all(content)?;
        file.sync_all()?;
        fs::rename(beside, &path)?;
        path.parent()
            .map_or(Ok(()), |folder| File::open(folder)?.sync_all())
    }
}

fn sign_in(begun_by: Id, user: &UserId, service: &Service) -> String {
    let user = user.as_str().replace(':', "-");
    format!("sign-ins/{begun_by}.{user}.{service}")
}

/// What a killed host was writing beside what it was to take the place of.
fn forget_unfinished(folder: &Path) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.to_str().is_some_and(|path| path.ends_with(BESIDE)) && path.is_file() {
            fs::remove_file(path)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;
    use crate::discord::custom_id::Action;

    #[test]
    fn what_is_remembered_is_there_after_a_restart_and_only_for_us() {
        let folder = tempfile::tempdir().unwrap();
        let memory = Memory::open(folder.path()).unwrap();
        assert_eq!((memory.seen().unwrap(), memory.told(7)), (None, None));
        let button = Action::Stop {
            turn: conversation::TurnId(1),
        };
        let name = memory.sealer().unwrap().encode(7, &button).unwrap();
        let marks: Marks = "2 0:12 1:13".parse().unwrap();
        memory.set_seen(&marks).unwrap();
        let told = Told {
            upto: ItemId(5),
            rest: Rest::Open,
        };
        memory.set_told(7, told).unwrap();
        let stale = Told {
            rest: Rest::Stale,
            ..told
        };
        memory.set_told(8, stale).unwrap();
        let unsigned = Told {
            rest: Rest::Unsigned,
            ..told
        };
        memory.set_told(9, unsigned).unwrap();

        for half in [
            "seen.new",
            "threads/9.new",
            "sign-ins/8.discord-1.v.new",
            "new/7.new",
        ] {
            fs::write(folder.path().join("discord").join(half), "half").unwrap();
        }
        let again = Memory::open(folder.path()).unwrap();
        for of in ["", "threads", "sign-ins", "new"] {
            let kept = fs::read_dir(folder.path().join("discord").join(of)).unwrap();
            assert!(
                kept.flatten()
                    .all(|file| file.path().extension() != Some("new".as_ref()))
            );
        }
        assert_eq!(again.sealer().unwrap().parse(7, &name), Ok(button));
        assert_eq!((again.seen().unwrap(), again.told(7)), (Some(marks), Some(told)));
        assert_eq!(
            (again.told(8), again.unfinished().unwrap()),
            (
                Some(stale),
                vec![(7, Rest::Open), (8, Rest::Stale), (9, Rest::Unsigned)]
            )
        );
        assert_eq!(again.told(9), Some(unsigned));
        let (user, service) = (
            UserId::parse("discord:1").unwrap(),
            Service::parse("codex").unwrap(),
        );
        let one = (1, &user, &service);
        memory.set_sign_in(one, Some("1 2 token")).unwrap();
        // As an earlier version wrote it.
        memory.write("sign-ins/discord-1.codex", b"3 2 token").unwrap();
        memory.add_payer(7, 1, "host").unwrap();
        memory.add_payer(7, 1, "owner").unwrap();
        let kept = |id: Id| (id, user.clone(), service.clone(), format!("{id} 2 token"));
        let sorted = || {
            let mut all = again.sign_ins().unwrap();
            all.sort();
            all
        };
        assert_eq!(sorted(), [kept(1), kept(3)]);
        for id in [1, 3] {
            again.set_sign_in((id, &user, &service), None).unwrap();
        }
        assert_eq!(sorted(), []);
        let told = |pays: &str| (7, 1, pays.to_owned());
        assert_eq!(again.payers(), [told("host"), told("owner")]);
        let key = fs::metadata(folder.path().join("discord/button.key")).unwrap();
        assert_eq!(key.permissions().mode() & 0o777, 0o600);
        fs::write(folder.path().join("discord/button.key"), b"half").unwrap();
        let other = again.sealer().unwrap();
        assert!(other.parse(7, &name).is_err(), "a new key is made");
        again.write("seen", b"").unwrap();
        assert!(
            again.seen().is_err(),
            "it is not as if nothing had ever been seen"
        );
    }
}
