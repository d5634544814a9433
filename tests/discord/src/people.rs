//! People, other bots and webhooks: what they do, held to what they may do. A test that lets them do more fails at once.

mod asks;

use std::sync::Arc;

use crate::Id;
use crate::fake::Shared;
use crate::permissions::{
    ADD_REACTIONS, CREATE_PUBLIC_THREADS, MANAGE_CHANNELS, MANAGE_MESSAGES, MANAGE_THREADS, SEND_MESSAGES,
    SEND_MESSAGES_IN_THREADS,
};
use crate::world::{Change, Draft, Edit, Kind, Start, Upload, World};

/// Somebody who does things in the fake.
#[derive(Clone, Debug)]
pub struct Person {
    pub(crate) shared: Arc<Shared>,
    /// Their user id.
    pub id: Id,
    webhook: bool,
}

/// A message in the making.
#[derive(Clone, Debug, Default)]
pub struct Post {
    text: String,
    reply_to: Option<Id>,
    forwards: Option<Id>,
    files: Vec<Upload>,
}

impl Post {
    /// Only a text so far.
    pub fn new(text: &str) -> Self {
        Self {
            text: text.to_owned(),
            ..Self::default()
        }
    }

    /// Answers a message, and pings its author.
    #[must_use]
    pub fn reply_to(mut self, message: Id) -> Self {
        self.reply_to = Some(message);
        self
    }

    /// Forwards a message, as it is now.
    #[must_use]
    pub fn forward(message: Id) -> Self {
        Self {
            forwards: Some(message),
            ..Self::default()
        }
    }

    /// With a file. The name travels as it is, however it looks.
    #[must_use]
    pub fn file(mut self, name: &str, content_type: &str, bytes: &[u8]) -> Self {
        self.files.push(Upload {
            name: name.to_owned(),
            content_type: content_type.to_owned(),
            description: None,
            bytes: bytes.to_vec(),
        });
        self
    }
}

impl From<&Person> for Id {
    fn from(person: &Person) -> Self {
        person.id
    }
}

impl Person {
    pub(crate) fn new(shared: Arc<Shared>, id: Id) -> Self {
        let webhook = false;
        Self { shared, id, webhook }
    }

    pub(crate) fn webhook(shared: Arc<Shared>, id: Id) -> Self {
        let webhook = true;
        Self { shared, id, webhook }
    }

    /// As it stands in a text that mentions them.
    pub fn mention(&self) -> String {
        self.id.mention()
    }

    /// The direct conversation with the bot.
    pub fn direct(&self) -> Id {
        self.shared.world().direct(self.id)
    }

    /// Whether the bot may write to them directly.
    pub fn takes_direct_messages(&self, takes: bool) {
        let mut world = self.shared.world();
        if takes {
            world.closed.remove(&self.id);
        } else {
            world.closed.insert(self.id);
        }
    }

    /// Says something. The message's id.
    pub fn says(&self, channel: impl Into<Id>, text: &str) -> Id {
        self.posts(channel, Post::new(text))
    }

    /// The same with a file, or as a reply.
    pub fn posts(&self, channel: impl Into<Id>, post: Post) -> Id {
        let channel = channel.into();
        let mut world = self.shared.world();
        let thread = world
            .channels
            .get(&channel)
            .is_some_and(|channel| channel.thread.is_some());
        let needed = if thread {
            SEND_MESSAGES_IN_THREADS
        } else {
            SEND_MESSAGES
        };
        assert!(
            world.takes_messages(channel),
            "nobody can write into channel {channel}"
        );
        let locked = world
            .channels
            .get(&channel)
            .and_then(|channel| channel.thread.as_ref())
            .is_some_and(|thread| thread.locked);
        if !self.webhook {
            self.needs(&world, channel, needed);
            if locked {
                self.needs(&world, channel, MANAGE_THREADS);
            }
        }
        assert!(
            post.text.chars().count() <= 4000,
            "nobody can write that much at once"
        );
        let draft = Draft {
            content: post.text,
            files: post.files,
            reply_to: post.reply_to,
            forwards: post.forwards,
            kind: if post.reply_to.is_some() { 19 } else { 0 },
            webhook: self.webhook,
            ..Draft::default()
        };
        world.post(self.id, channel, draft)
    }

    /// Edits their own message.
    pub fn edits(&self, message: Id, text: &str) {
        let mut world = self.shared.world();
        let author = world.message(message).map(|message| message.author);
        assert_eq!(author, Some(self.id), "only its author can edit a message");
        let edit = Edit {
            content: Some(text.to_owned()),
            ..Edit::default()
        };
        world.edit(message, edit);
    }

    /// Deletes a message: their own, or another's as a moderator.
    pub fn deletes(&self, message: Id) {
        let mut world = self.shared.world();
        let known = world.message(message).expect("a message that is there");
        if known.author != self.id {
            self.needs(&world, known.channel, MANAGE_MESSAGES);
        }
        world.delete(message);
    }

    /// Puts an emoji on a message.
    pub fn reacts(&self, message: Id, emoji: &str) {
        let mut world = self.shared.world();
        let channel = world.message(message).expect("a message that is there").channel;
        self.needs(&world, channel, ADD_REACTIONS);
        world.react(self.id, message, emoji);
    }

    /// Takes it off again.
    pub fn unreacts(&self, message: Id, emoji: &str) {
        let removed = self.shared.world().unreact(self.id, message, emoji);
        assert!(removed, "there was no such reaction");
    }

    /// Begins to write.
    pub fn types(&self, channel: impl Into<Id>) {
        self.shared.world().type_in(self.id, channel.into());
    }

    /// Starts a thread, from a message if one is named.
    pub fn starts_thread(&self, parent: Id, name: &str, from: Option<Id>) -> Id {
        let mut world = self.shared.world();
        self.needs(&world, parent, CREATE_PUBLIC_THREADS);
        let kind = world.channel(parent).and_then(|parent| parent.kind.thread());
        let kind = kind.expect("a channel that has threads");
        world.start_thread(self.start(parent, name, kind, from))
    }

    /// Starts a private thread; the bot is not in it unless it is mentioned or added.
    pub fn starts_private_thread(&self, parent: Id, name: &str) -> Id {
        let mut world = self.shared.world();
        world.start_thread(self.start(parent, name, Kind::PrivateThread, None))
    }

    /// Posts in a forum. The thread's id, which is its first message's too.
    pub fn posts_in_forum(&self, forum: Id, name: &str, text: &str) -> Id {
        let mut world = self.shared.world();
        self.needs(&world, forum, SEND_MESSAGES);
        let id = world.next_id();
        world.start_thread(self.start(forum, name, Kind::PublicThread, Some(id)));
        let draft = Draft {
            content: text.to_owned(),
            ..Draft::default()
        };
        world.post_as(Some(id), self.id, id, draft)
    }

    fn start(&self, parent: Id, name: &str, kind: Kind, from: Option<Id>) -> Start {
        Start {
            owner: self.id,
            parent,
            name: name.to_owned(),
            kind,
            from,
            auto_archive: 4320,
            tags: Vec::new(),
        }
    }

    /// Adds somebody, such as the bot, to a thread.
    pub fn adds(&self, thread: Id, user: impl Into<Id>) {
        self.shared.world().join_thread(thread, user.into());
    }

    /// Takes somebody else out of a thread, as a moderator may, and in a private one its owner.
    pub fn removes(&self, thread: Id, user: impl Into<Id>) {
        let mut world = self.shared.world();
        let channel = world.channel(thread).expect("a thread that is there");
        let owner = channel.thread.as_ref().map(|thread| thread.owner);
        if channel.kind != Kind::PrivateThread || owner != Some(self.id) {
            self.needs(&world, thread, MANAGE_THREADS);
        }
        world.take_out_of_thread(self.id, thread, user.into());
    }

    /// Gives a channel or thread another name.
    pub fn renames(&self, channel: Id, name: &str) {
        let name = Some(name.to_owned());
        self.changes(
            channel,
            Change {
                name,
                ..Change::default()
            },
        );
    }

    /// Puts a channel below a category.
    pub fn moves(&self, channel: Id, category: Id) {
        let category = Some(category);
        self.changes(
            channel,
            Change {
                category,
                ..Change::default()
            },
        );
    }

    /// Puts a thread away, or brings it back.
    pub fn archives(&self, thread: Id, archived: bool) {
        let archived = Some(archived);
        self.changes(
            thread,
            Change {
                archived,
                ..Change::default()
            },
        );
    }

    /// Locks a thread, or opens it again.
    pub fn locks(&self, thread: Id, locked: bool) {
        let locked = Some(locked);
        self.changes(
            thread,
            Change {
                locked,
                ..Change::default()
            },
        );
    }

    fn changes(&self, channel: Id, change: Change) {
        let mut world = self.shared.world();
        self.needs_to_manage(&world, channel);
        world.change_channel(self.id, channel, change);
    }

    /// Deletes a channel or thread.
    pub fn deletes_channel(&self, channel: Id) {
        let mut world = self.shared.world();
        self.needs_to_manage(&world, channel);
        world.delete_channel(channel);
    }

    /// A thread's owner may change it without further rights.
    fn needs_to_manage(&self, world: &World, channel: Id) {
        let thread = world
            .channel(channel)
            .expect("a channel that is there")
            .thread
            .as_ref();
        match thread {
            Some(thread) if thread.owner == self.id => {}
            Some(_) => self.needs(world, channel, MANAGE_THREADS),
            None => self.needs(world, channel, MANAGE_CHANNELS),
        }
    }

    pub(crate) fn needs(&self, world: &World, channel: Id, permission: u64) {
        let name = &world.user(self.id).name;
        assert!(
            world.sees(self.id, channel),
            "{name} does not see channel {channel}"
        );
        let given = world.permissions(self.id, channel);
        assert!(
            given & permission == permission,
            "{name} may not do that in channel {channel}"
        );
    }
}
