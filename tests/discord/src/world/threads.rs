//! Threads: started, changed, joined, left, deleted. With the notes that Discord itself writes into channels.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{Channel, Draft, Kind, Thread, World, thread_member_json};
use crate::Id;
use crate::gateway::intents::{GUILD_MEMBERS, GUILDS};

/// A note: "… removed … from the thread".
const RECIPIENT_REMOVED: u8 = 2;
/// A note: "… changed the name".
const NAME_CHANGED: u8 = 4;
/// A note in the parent of a thread that came from no message.
const THREAD_CREATED: u8 = 18;
/// The first entry of a thread that came from a message.
const THREAD_STARTER: u8 = 21;
/// A flag of the message that a thread came from.
const HAS_THREAD: u64 = 1 << 5;

/// A thread that is not yet one.
#[derive(Debug)]
pub(crate) struct Start {
    pub(crate) owner: Id,
    pub(crate) parent: Id,
    pub(crate) name: String,
    pub(crate) kind: Kind,
    pub(crate) from: Option<Id>,
    pub(crate) auto_archive: u64,
    pub(crate) tags: Vec<Value>,
}

/// What changes about a channel or thread.
#[derive(Debug, Default)]
pub(crate) struct Change {
    pub(crate) name: Option<String>,
    pub(crate) topic: Option<String>,
    pub(crate) slow_mode: Option<u64>,
    pub(crate) archived: Option<bool>,
    pub(crate) locked: Option<bool>,
    pub(crate) auto_archive: Option<u64>,
    /// The category that it stands below from now on.
    pub(crate) category: Option<Id>,
}

impl World {
    pub(crate) fn start_thread(&mut self, start: Start) -> Id {
        let id = start.from.unwrap_or_else(|| self.next_id());
        let now = self.clock.now();
        let guild = self.channels.get(&start.parent).and_then(|parent| parent.guild);
        let mut channel = Channel::new(id, start.kind, guild, &start.name);
        channel.parent = Some(start.parent);
        channel.thread = Some(Thread {
            owner: start.owner,
            archived: false,
            locked: false,
            members: BTreeMap::from([(start.owner, now)]),
            auto_archive: start.auto_archive,
            archive_changed: now,
            invitable: true,
            tags: start.tags,
        });
        self.channels.insert(id, channel);
        let mut data = self
            .channels
            .get(&id)
            .map(|channel| self.channel_json(channel))
            .unwrap_or_default();
        data["newly_created"] = json!(true);
        self.tell("THREAD_CREATE", (GUILDS, 0), id, data);
        let parent = self.channels.get_mut(&start.parent);
        let forum = parent.filter(|parent| parent.kind == Kind::Forum);
        let in_forum = forum.is_some();
        if let Some(forum) = forum {
            // Nothing is said in it: its newest post stands for its newest message.
            forum.last_message = Some(id);
        }
        if let Some(message) = start.from.and_then(|from| self.messages.get_mut(&from)) {
            message.thread = Some(id);
            message.flags |= HAS_THREAD;
            self.tell_message("MESSAGE_UPDATE", id);
            let note = Draft {
                kind: THREAD_STARTER,
                reply_to: start.from,
                ..Draft::default()
            };
            self.post(start.owner, id, note);
        } else if !in_forum && matches!(start.kind, Kind::PublicThread | Kind::NewsThread) {
            let note = Draft {
                kind: THREAD_CREATED,
                content: start.name,
                ..Draft::default()
            };
            self.post(start.owner, start.parent, note);
        }
        self.clock.signal();
        id
    }

    /// `by` is who did it: a new name of a thread is noted in it.
    pub(crate) fn change_channel(&mut self, by: Id, id: Id, change: Change) {
        let now = self.clock.now();
        let Some(channel) = self.channels.get_mut(&id) else {
            return;
        };
        let renamed = change.name.filter(|name| *name != channel.name);
        if let Some(name) = &renamed {
            channel.name.clone_from(name);
        }
        if change.topic.is_some() {
            channel.topic = change.topic;
        }
        channel.slow_mode = change.slow_mode.unwrap_or(channel.slow_mode);
        channel.parent = change.category.or(channel.parent);
        if let Some(thread) = &mut channel.thread {
            if change
                .archived
                .is_some_and(|archived| archived != thread.archived)
            {
                thread.archived = !thread.archived;
                thread.archive_changed = now;
            }
            thread.locked = change.locked.unwrap_or(thread.locked);
            thread.auto_archive = change.auto_archive.unwrap_or(thread.auto_archive);
        }
        let (thread, archived) = (channel.thread.is_some(), channel.is_archived());
        self.tell_channel(if thread { "THREAD_UPDATE" } else { "CHANNEL_UPDATE" }, id);
        if let Some(name) = renamed.filter(|_| thread && !archived) {
            let note = Draft {
                kind: NAME_CHANGED,
                content: name,
                ..Draft::default()
            };
            self.post(by, id, note);
        }
        self.clock.signal();
    }

    pub(crate) fn tell_channel(&mut self, kind: &'static str, id: Id) {
        if let Some(data) = self.channels.get(&id).map(|channel| self.channel_json(channel)) {
            self.tell(kind, (GUILDS, 0), id, data);
        }
    }

    /// With a channel go its threads; of those Discord says nothing.
    pub(crate) fn delete_channel(&mut self, id: Id) {
        let Some(channel) = self.channels.get(&id) else {
            return;
        };
        if channel.thread.is_some() {
            let data = json!({ "id": id, "parent_id": channel.parent, "type": channel.kind.number() });
            self.tell("THREAD_DELETE", (GUILDS, 0), id, data);
        } else {
            self.tell_channel("CHANNEL_DELETE", id);
        }
        self.channels.remove(&id);
        self.channels.retain(|_, channel| channel.parent != Some(id));
        self.clock.signal();
    }

    /// A message wakes its thread up, and takes author and mentioned into it.
    pub(crate) fn wake_thread(&mut self, id: Id, author: Id, pinged: &[Id]) {
        let Some(thread) = self.channels.get(&id).and_then(|channel| channel.thread.as_ref()) else {
            return;
        };
        let archived = thread.archived;
        let guild = self.channels.get(&id).and_then(|channel| channel.guild);
        let known = |user: &Id| {
            guild
                .and_then(|id| self.guilds.get(&id))
                .is_some_and(|guild| guild.members.contains_key(user))
        };
        let users: Vec<Id> = std::iter::once(author)
            .chain(pinged.iter().copied())
            .filter(known)
            .collect();
        if archived {
            let change = Change {
                archived: Some(false),
                ..Change::default()
            };
            self.change_channel(author, id, change);
        }
        for user in users {
            self.join_thread(id, user);
        }
    }

    pub(crate) fn join_thread(&mut self, id: Id, user: Id) {
        let now = self.clock.now();
        let Some(thread) = self
            .channels
            .get_mut(&id)
            .and_then(|channel| channel.thread.as_mut())
        else {
            return;
        };
        if thread.members.contains_key(&user) {
            return;
        }
        thread.members.insert(user, now);
        let count = thread.members.len();
        let Some(mut member) = self
            .channels
            .get(&id)
            .and_then(|channel| thread_member_json(channel, user))
        else {
            return;
        };
        if user == self.application.bot {
            // A private thread did not exist for it so far.
            self.tell_channel("THREAD_CREATE", id);
            self.tell("THREAD_MEMBER_UPDATE", (GUILDS, 0), id, member.clone());
        }
        let guild = self.channels.get(&id).and_then(|channel| channel.guild);
        if let Some(whole) = guild
            .and_then(|id| self.guilds.get(&id))
            .and_then(|guild| self.member_json(guild, user))
        {
            member["member"] = whole;
            member["presence"] = Value::Null;
        }
        let data = json!({ "id": id, "member_count": count, "added_members": [member] });
        self.tell_members(id, user, data);
        self.clock.signal();
    }

    /// Of others a bot hears only with the intent for members.
    fn tell_members(&mut self, thread: Id, user: Id, data: Value) {
        let is_us = user == self.application.bot;
        let needs = if is_us { GUILDS } else { GUILD_MEMBERS };
        self.tell("THREAD_MEMBERS_UPDATE", (needs, 0), thread, data);
    }

    /// Somebody takes somebody else out of a thread, which a note in it says.
    pub(crate) fn take_out_of_thread(&mut self, by: Id, thread: Id, user: Id) {
        self.leave_thread(thread, user);
        let note = Draft {
            kind: RECIPIENT_REMOVED,
            names: Some(user),
            ..Draft::default()
        };
        self.post(by, thread, note);
    }

    pub(crate) fn leave_thread(&mut self, id: Id, user: Id) {
        let Some(thread) = self
            .channels
            .get_mut(&id)
            .and_then(|channel| channel.thread.as_mut())
        else {
            return;
        };
        if !thread.members.contains_key(&user) {
            return;
        }
        let count = thread.members.len() - 1;
        let data = json!({ "id": id, "member_count": count, "removed_member_ids": [user] });
        // While the one who leaves a private thread still sees it.
        self.tell_members(id, user, data);
        if let Some(thread) = self
            .channels
            .get_mut(&id)
            .and_then(|channel| channel.thread.as_mut())
        {
            thread.members.remove(&user);
        }
        self.clock.signal();
    }
}
