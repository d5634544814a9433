//! What should stand in a thread, drawn from its entries. One that can't be drawn, which is a defect of ours, takes nothing
//! else with it: the thread is told so in its place.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};

use conversation::{Body, Item, ItemId, NoteKind, TurnId};

use super::Scene;
use crate::discord::custom_id::Action;
use crate::discord::render::{self, Button, DesiredMessage, Footer, Look, Press, Progress, Style};

/// Buttons that fit below a message.
const BUTTONS: usize = 5;
/// What is told instead of an entry that can't be drawn.
const UNDRAWN: &str = "Something was said here that I could not show, which is a defect of mine. It is on the page of this host.";

impl Scene {
    /// Everything that should stand there, in order.
    pub(in crate::discord::mouth::voice) fn messages(&mut self, look: &Look) -> Vec<DesiredMessage> {
        let mut broken = std::mem::take(&mut self.broken);
        let messages = self.drawn(look, &mut broken);
        self.broken = broken;
        messages
    }

    fn drawn(&self, look: &Look, broken: &mut BTreeSet<ItemId>) -> Vec<DesiredMessage> {
        // What is not shown would only part what belongs together.
        let items: Vec<&Item> = self.items.values().filter(|item| is_shown(item)).collect();
        let mut messages = vec![];
        for group in items.chunk_by(|a, b| a.turn == b.turn) {
            let turn = group.first().and_then(|item| item.turn);
            let progress = self.progress(turn, group);
            let mut shown = unbroken(group, broken, |items| render::messages(items, &progress, look));
            if let Some(turn) = turn.filter(|turn| self.running() == Some(*turn)) {
                offer_stop(&mut shown, turn);
            }
            messages.extend(shown);
        }
        messages
    }

    /// How a turn stands for some of its entries that follow each other.
    fn progress(&self, turn: Option<TurnId>, group: &[&Item]) -> Progress {
        let without_words = Progress::Over {
            footer: Footer::default(),
        };
        let Some(turn) = turn else {
            return without_words;
        };
        match self.over.get(&turn) {
            // What is said in between does not end a turn twice.
            Some(footer) if self.is_last_of(turn, group) => Progress::Over {
                footer: footer.clone(),
            },
            None if !self.is_ending(turn) => Progress::Running,
            _ => without_words,
        }
    }

    fn is_last_of(&self, turn: TurnId, group: &[&Item]) -> bool {
        let newest = group.last().map(|item| item.id);
        let mut after = self.items.values().rev().filter(|item| is_shown(item));
        after.find(|item| item.turn == Some(turn)).map(|item| item.id) == newest
    }
}

fn is_shown(item: &Item) -> bool {
    !matches!(item.body, Body::Said { .. } | Body::Usage { .. })
}

/// What `draw` makes of these entries. Where that breaks, it is drawn again without those that break it. They stay out from then
/// on, lest each look at a thread breaks anew.
fn unbroken(
    items: &[&Item],
    broken: &mut BTreeSet<ItemId>,
    draw: impl Fn(&[&Item]) -> Vec<DesiredMessage>,
) -> Vec<DesiredMessage> {
    let tried = |items: &[&Item]| catch_unwind(AssertUnwindSafe(|| draw(items))).ok();
    loop {
        let told = with_words(items, broken);
        let told: Vec<&Item> = told.iter().map(Cow::as_ref).collect();
        if let Some(messages) = tried(&told) {
            return messages;
        }
        let whole = items.iter().filter(|item| !broken.contains(&item.id));
        let whole: Vec<&Item> = whole.copied().collect();
        let alone = whole.iter().filter(|item| tried(&[item]).is_none());
        let mut found: Vec<ItemId> = alone.map(|item| item.id).collect();
        if found.is_empty() {
            // Only together.
            found.extend(whole.iter().map(|item| item.id));
        }
        let Some(first) = found.first() else {
            return vec![];
        };
        tracing::error!(
            entry = first.0,
            count = found.len(),
            "what was said could not be drawn, which is a defect"
        );
        broken.extend(found);
    }
}

/// The entries, and words in the place of those that can't be drawn: one for those that follow each other.
fn with_words<'a>(items: &[&'a Item], broken: &BTreeSet<ItemId>) -> Vec<Cow<'a, Item>> {
    let mut told = vec![];
    let mut is_told = false;
    for item in items {
        let is_broken = broken.contains(&item.id);
        match (is_broken, is_told) {
            (false, _) => told.push(Cow::Borrowed(*item)),
            (true, false) => told.push(Cow::Owned(undrawn(item))),
            (true, true) => {}
        }
        is_told = is_broken;
    }
    told
}

fn undrawn(item: &Item) -> Item {
    Item {
        id: item.id,
        thread: item.thread.clone(),
        turn: item.turn,
        at: item.at,
        body: Body::Note {
            kind: NoteKind::Error,
            text: UNDRAWN.to_owned(),
            retry: None,
        },
    }
}

/// A button that stops the turn, below its first message, where it stays.
fn offer_stop(messages: &mut [DesiredMessage], turn: TurnId) {
    if let Some(first) = messages.first_mut().filter(|one| one.buttons.len() < BUTTONS) {
        first.buttons.push(Button {
            label: "Stop".to_owned(),
            press: Press::Action(Action::Stop { turn }),
            style: Style::Secondary,
        });
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::collections::BTreeMap;

    use conversation::ThreadId;
    use credentials::Timestamp;

    use super::*;

    fn item(id: i64, text: &str) -> Item {
        Item {
            id: ItemId(id),
            thread: ThreadId::parse("discord:1").unwrap(),
            turn: Some(TurnId(1)),
            at: Timestamp::from_millis(id),
            body: Body::Answer {
                text: text.to_owned(),
            },
        }
    }

    fn text(item: &Item) -> &str {
        match &item.body {
            Body::Answer { text } => text,
            _ => "",
        }
    }

    fn drawn(items: &[&Item]) -> Vec<DesiredMessage> {
        let look = Look {
            upload_limit: 1000,
            without_files: BTreeMap::new(),
            postings: BTreeMap::default(),
            unsaid: BTreeSet::new(),
            unshown: BTreeSet::new(),
        };
        render::messages(items, &Progress::Running, &look)
    }

    #[test]
    fn an_entry_that_can_not_be_drawn_is_told_and_takes_no_other_with_it() {
        let items = [
            item(1, "before"),
            item(2, "bad"),
            item(3, "bad"),
            item(4, "after"),
        ];
        let items: Vec<&Item> = items.iter().collect();
        let breaks = Cell::new(0);
        let draw = |items: &[&Item]| {
            if items.iter().any(|item| text(item) == "bad") {
                breaks.set(breaks.get() + 1);
                panic!("it can't be drawn");
            }
            drawn(items)
        };
        let mut broken = BTreeSet::new();
        let words = || format!("❌ {UNDRAWN}");
        for _ in 0..3 {
            let messages = unbroken(&items, &mut broken, draw);
            let said: Vec<&str> = messages.iter().map(|one| one.content.as_str()).collect();
            assert_eq!(said, ["before", &words(), "after"]);
            assert_eq!(messages[1].key.item, ItemId(2), "it stands in its place");
            assert_eq!(breaks.get(), 3, "the whole and each of the two, once");
        }
    }

    #[test]
    fn entries_that_can_not_be_drawn_together_are_told_once() {
        let items = [item(1, "one"), item(2, "two")];
        let items: Vec<&Item> = items.iter().collect();
        let mut broken = BTreeSet::new();
        let messages = unbroken(&items, &mut broken, |items| {
            assert!(items.len() < 2, "not both");
            drawn(items)
        });
        assert_eq!(messages.len(), 1, "{messages:?}");
        assert!(messages[0].content.contains("could not show"), "{messages:?}");
        assert!(unbroken(&items, &mut broken, |_| panic!("never")).is_empty());
    }
}
