//! Calls about turns: the inbox.

use credentials::Timestamp;
use rusqlite::Connection;

use super::{Conversation, ItemIds, Part, Spoke, within};
use crate::error::{ConversationError, Result};
use crate::id::{ItemId, SourceId, ThreadId, TurnId};
use crate::item::{Body, Item, NoteKind};
use crate::recovery;
use crate::tables::turns::Origin;
use crate::tables::{Work, items, threads, turns};
use crate::turn::{Dropped, Enqueued, Merged, NewTurn, Turn, TurnEnd, TurnState};

/// The longest name that a chat may give to a message, in bytes.
const MAX_SOURCE: usize = 256;

impl Conversation {
    /// Accepts a message: its turn and its entry in the timeline, in one transaction. When this returns, it is durable.
    /// A thread without a title takes the first words.
    ///
    /// Two calls with the same thread and source make one turn, whatever else they say; the later one gets it as `Known`.
    ///
    /// Errors: `NoThread`; `TooLarge` above 1 MiB of text.
    pub async fn enqueue(&self, new: NewTurn) -> Result<Enqueued> {
        within("message", new.text.len(), turns::MAX_TEXT)?;
        within("name of a message", new.source.0.len(), MAX_SOURCE)?;
        let ids = self.shared.ids.clone();
        self.write("accept a message", move |database| {
            threads::expect(database, &new.thread)?;
            if let Some(known) = turns::of_message(database, &new.thread, &new.source)? {
                return Ok(Enqueued::Known(known));
            }
            accept(database, &new, Origin::Message, &ids)
        })
        .await
    }

    /// The oldest queued turn of a thread becomes running; `None` if none waits or one runs already.
    pub async fn start_next(&self, thread: &ThreadId) -> Result<Option<Turn>> {
        let thread = thread.clone();
        self.write("start a turn", move |database| {
            threads::expect(database, &thread)?;
            let next = turns::next(database, &thread)?;
            next.map(|turn| turns::start(database, turn, Timestamp::now()))
                .transpose()
        })
        .await
    }

    /// Ends a running or queued turn. Ending one that has ended changes nothing and is `NoTurn`; so is answering or cutting
    /// one that never ran.
    pub async fn finish(&self, turn: TurnId, end: TurnEnd, reason: Option<String>) -> Result<Turn> {
        self.write("end a turn", move |database| {
            let found = turns::get(database, turn)?;
            turns::end(database, found, end, reason.as_deref(), Timestamp::now())
        })
        .await
    }

    /// Ends a turn that a worker had, and writes what its timeline gets with its end, in one transaction: a host that dies
    /// has told both or neither. `model` is the one that answered, as people know it.
    ///
    /// Errors: as those of [`finish`](Self::finish) and [`put_items`](Self::put_items).
    pub async fn conclude(
        &self,
        turn: TurnId,
        ending: (TurnEnd, Option<String>),
        model: Option<String>,
        items: Vec<Item>,
    ) -> Result<Turn> {
        self.use_ids(&items);
        self.write("end a turn with its last words", move |database| {
            items::write(database, &items)?;
            let (end, reason) = &ending;
            let model = model.clone();
            let found = Turn {
                model,
                ..turns::get(database, turn)?
            };
            turns::end(database, found, *end, reason.as_deref(), Timestamp::now())
        })
        .await
    }

    /// Steer: the text and files of the queued turn `from` are merged into the running turn `into` (whose attempt
    /// counter grows), and `from` ends as stopped with a reason that names `into`, which gets its entries, too.
    ///
    /// Errors: `NoTurn` with the one that is in another state or thread; `TooLarge` if both are more than 1 MiB together.
    pub async fn merge(&self, from: TurnId, into: TurnId) -> Result<Merged> {
        self.write("merge a turn", move |database| {
            let into = turns::get(database, into)?;
            let from = turns::get(database, from)?;
            let mut said = items::of_turn(database, &from.thread, from.id)?;
            let turn = turns::merge(database, from, into, Timestamp::now())?;
            for item in &mut said {
                item.turn = Some(turn.id);
                items::put(database, item)?;
            }
            Ok(Merged { turn, said })
        })
        .await
    }

    /// A turn that waits says from now on what these messages say, and so does its entry in the timeline, which comes with it.
    ///
    /// Errors: `NoTurn` if it does not wait; `TooLarge` above 1 MiB of text.
    pub async fn reword(&self, turn: TurnId, parts: Vec<Part>) -> Result<(Turn, Vec<Item>)> {
        let spoken: Vec<Spoke> = parts.iter().cloned().map(Spoke::from).collect();
        let (text, files) = Part::joined(parts);
        within("message", text.len(), turns::MAX_TEXT)?;
        self.write("change what a turn says", move |database| {
            let found = turns::get(database, turn)?;
            let turn = turns::reword(database, found, (text.clone(), files.clone()), &spoken)?;
            let mut said = items::of_turn(database, &turn.thread, turn.id)?;
            said.retain(|item| matches!(item.body, Body::Said { .. }));
            for item in &mut said {
                if let Body::Said { text, files, .. } = &mut item.body {
                    text.clone_from(&turn.text);
                    files.clone_from(&turn.files);
                }
                items::put(database, item)?;
            }
            Ok((turn, said))
        })
        .await
    }

    /// Ends those queued turns of a thread as stopped that `which` is true of. Each is told in the timeline with the
    /// reason (as in "dropped: a newer message took its place") and a way to ask for it again, in the same transaction.
    pub async fn drop_queued(
        &self,
        thread: &ThreadId,
        which: impl Fn(&Turn) -> bool + Send + 'static,
        reason: &str,
    ) -> Result<Vec<Dropped>> {
        self.end_queued(thread, which, reason, Again::Offered).await
    }

    /// The same for one that its author took back, or that is not allowed any more: it is not offered again.
    pub async fn withdraw_queued(
        &self,
        thread: &ThreadId,
        turn: TurnId,
        reason: &str,
    ) -> Result<Vec<Dropped>> {
        let is_it = move |queued: &Turn| queued.id == turn;
        self.end_queued(thread, is_it, reason, Again::NotOffered).await
    }

    async fn end_queued(
        &self,
        thread: &ThreadId,
        which: impl Fn(&Turn) -> bool + Send + 'static,
        reason: &str,
        again: Again,
    ) -> Result<Vec<Dropped>> {
        let thread = thread.clone();
        let reason = reason.to_owned();
        let ids = self.shared.ids.clone();
        self.write("drop queued turns", move |database| {
            threads::expect(database, &thread)?;
            let mut queued = turns::queued(database, &thread)?;
            queued.retain(&which);
            drop_each(database, queued, (&reason, again), &ids)
        })
        .await
    }

    /// A turn that failed, was stopped or cut is queued again, as a new turn with a derived source id and an entry of its
    /// own in the timeline. While that one waits or runs, and once it is answered, asking again gives it as `Known`; if it
    /// failed, was stopped or cut, too, it is what is queued again.
    ///
    /// Errors: `NoTurn` if it has not ended yet, or was answered.
    pub async fn retry(&self, turn: TurnId) -> Result<Enqueued> {
        let ids = self.shared.ids.clone();
        self.write("queue a turn again", move |database| {
            let mut found = turns::get(database, turn)?;
            while let Some(again) = turns::retry_of(database, found.id)? {
                found = again;
            }
            if !found.state.may_retry() {
                return if found.id == turn {
                    Err(ConversationError::NoTurn(turn).into())
                } else {
                    Ok(Enqueued::Known(found))
                };
            }
            let turn = found.id;
            // Who asks for a turn again knows how it ended.
            turns::told(database, turn)?;
            let again = NewTurn {
                thread: found.thread,
                source: SourceId(format!("retry:{turn}")),
                by: found.by,
                name: found.name,
                text: found.text,
                files: found.files,
            };
            accept(database, &again, Origin::RetryOf(turn), &ids)
        })
        .await
    }

    /// Cuts a running turn that nobody serves any more, with the questions and calls that it left open, and tells its
    /// thread by `told`: all of it or nothing. One that has ended already stays as it is.
    ///
    /// Errors: `NoTurn` if it was never there.
    pub async fn cut(&self, turn: TurnId, reason: String, told: Item) -> Result<()> {
        self.shared.ids.used(told.id);
        self.write("cut a turn", move |database| {
            let now = Timestamp::now();
            let found = turns::get(database, turn)?;
            if found.state == TurnState::Running {
                turns::end(database, found, TurnEnd::Cut, Some(&reason), now)?;
            }
            items::cut_unfinished(database, Some(&told.thread), now)?;
            items::put(database, &told)?;
            threads::touch(database, &told.thread, now)
        })
        .await
    }

    /// Somebody has seen that the last turn of a thread failed or was cut, and does not want its answer: it counts as
    /// stopped. Its reason stays, and it can still be asked for again. Whether there was such a turn.
    pub async fn dismiss(&self, thread: &ThreadId) -> Result<bool> {
        let thread = thread.clone();
        self.write("dismiss a turn", move |database| {
            turns::dismiss(database, &thread)
        })
        .await
    }

    /// [Dismisses](Self::dismiss) the last turn of each thread that does nothing now. Gives those in which one was.
    pub async fn dismiss_all(&self) -> Result<Vec<ThreadId>> {
        self.write("dismiss turns", turns::dismiss_all).await
    }

    /// Ends the turn that a host left running in a thread, as cut, and [dismisses](Self::dismiss) it. Only while no host
    /// runs; the next one tells nothing of it.
    pub async fn dismiss_left(&self, thread: &ThreadId) -> Result<bool> {
        let thread = thread.clone();
        self.write("dismiss a turn", move |database| {
            recovery::end_left(database, &thread, Timestamp::now())?;
            turns::dismiss(database, &thread)
        })
        .await
    }

    /// A turn.
    pub async fn turn(&self, id: TurnId) -> Result<Turn> {
        self.read("read a turn", move |database| turns::get(database, id))
            .await
    }

    /// The chat's name of the message that a turn answers: its own, or, asked for again, the first one's.
    pub async fn message_of(&self, id: TurnId) -> Result<SourceId> {
        self.read("look up the message of a turn", move |database| {
            let mut first = turns::get(database, id)?;
            while let Some(earlier) = turns::repeated(database, first.id)? {
                first = earlier;
            }
            Ok(first.source)
        })
        .await
    }

    /// Turns that were [merged](Self::merge) into this one, or into one that it repeats: it answers them, too.
    pub async fn merged_into(&self, turn: &Turn) -> Result<Vec<Turn>> {
        let turn = turn.clone();
        self.read("list merged turns", move |database| {
            let mut merged = turns::merged_into(database, &turn)?;
            let mut first = turns::repeated(database, turn.id)?;
            while let Some(earlier) = first {
                merged.extend(turns::merged_into(database, &earlier)?);
                first = turns::repeated(database, earlier.id)?;
            }
            Ok(merged)
        })
        .await
    }

    /// Turns of a thread that wait, in order.
    pub async fn queued(&self, thread: &ThreadId) -> Result<Vec<Turn>> {
        let thread = thread.clone();
        self.read("list queued turns", move |database| {
            threads::expect(database, &thread)?;
            turns::queued(database, &thread)
        })
        .await
    }

    /// A turn by the chat's name of its message.
    pub async fn by_source(&self, thread: &ThreadId, source: &SourceId) -> Result<Option<Turn>> {
        let thread = thread.clone();
        let source = source.clone();
        self.read("find a turn", move |database| {
            turns::by_source(database, &thread, &source)
        })
        .await
    }
}

/// Writes a turn and its entry in the timeline.
fn accept(database: &Connection, new: &NewTurn, origin: Origin, ids: &ItemIds) -> Work<Enqueued> {
    let now = Timestamp::now();
    let turn = turns::insert(database, new, origin, now)?;
    let item = said(&turn, ids.next());
    items::put(database, &item)?;
    let file = new.files.first().map_or("", |file| file.name.as_str());
    let words = if new.text.trim().is_empty() {
        file
    } else {
        new.text.as_str()
    };
    threads::title_from(database, &new.thread, words)?;
    Ok(Enqueued::New(turn, item))
}

fn said(turn: &Turn, id: ItemId) -> Item {
    Item {
        id,
        thread: turn.thread.clone(),
        turn: Some(turn.id),
        at: turn.created,
        body: Body::Said {
            by: turn.by.clone(),
            name: turn.name.clone(),
            text: turn.text.clone(),
            files: turn.files.clone(),
        },
    }
}

/// Whether a turn that was dropped can be asked for again in its place.
#[derive(Debug, Clone, Copy)]
pub(super) enum Again {
    Offered,
    NotOffered,
}

/// Ends queued turns, and tells the thread of each.
pub(super) fn drop_each(
    database: &Connection,
    found: Vec<Turn>,
    (reason, again): (&str, Again),
    ids: &ItemIds,
) -> Work<Vec<Dropped>> {
    let now = Timestamp::now();
    let drop_one = |turn| {
        let why = format!("dropped: {reason}");
        let turn = turns::end(database, turn, TurnEnd::Stopped, Some(&why), now)?;
        let told = Item {
            id: ids.next(),
            thread: turn.thread.clone(),
            turn: Some(turn.id),
            at: now,
            body: Body::Note {
                kind: NoteKind::Info,
                text: format!("Dropped: {reason}."),
                retry: matches!(again, Again::Offered).then_some(turn.id),
            },
        };
        items::put(database, &told)?;
        Ok(Dropped { turn, told })
    };
    found.into_iter().map(drop_one).collect()
}
