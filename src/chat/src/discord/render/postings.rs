//! Cards that were deleted while somebody's answer is waited for: each posting has names of its own, and there is an end to
//! them.

use conversation::{Body, Item};

use super::Look;
use super::message::DesiredMessage;

/// So often a card is posted anew: whoever deletes it again and again would fill the thread.
const MOST: u16 = 3;
/// What stands in its place then, for as long as somebody is waited for.
pub(super) const NO_MORE: &str = "✋ What is asked here was deleted too often to be posted once more. `/status` shows it to whoever may \
                                  answer.";

/// Whether an entry is shown as a card that somebody answers.
pub fn is_card(item: &Item) -> bool {
    matches!(item.body, Body::Permission { .. } | Body::Login { .. })
}

/// Whether it waits for that answer.
pub fn waits(item: &Item) -> bool {
    matches!(
        item.body,
        Body::Permission { decision: None, .. } | Body::Login { ended: None, .. }
    )
}

/// The posting that follows when this one was deleted.
pub fn after(posting: u16) -> u16 {
    (posting + 1).min(MOST + 1)
}

/// The messages of a card, as the posting of it that stands there now.
pub(super) fn posted(
    item: &Item,
    card: impl IntoIterator<Item = DesiredMessage>,
    look: &Look,
) -> Vec<DesiredMessage> {
    let posting = look.postings.get(&item.id).copied().unwrap_or_default();
    let mut messages: Vec<DesiredMessage> = card.into_iter().collect();
    for message in &mut messages {
        message.key = message.key.posted(posting);
    }
    if posting > MOST
        && waits(item)
        && let Some(card) = messages.last_mut()
    {
        *card = DesiredMessage::new(card.key, NO_MORE);
    }
    messages
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use conversation::{ItemId, LoginEnd, ThreadId};
    use credentials::Timestamp;

    use super::super::message::Key;
    use super::*;

    fn item(ended: Option<LoginEnd>) -> Item {
        Item {
            id: ItemId(7),
            thread: ThreadId::parse("discord:1").unwrap(),
            turn: None,
            at: Timestamp::from_seconds(1),
            body: Body::Login {
                service: "acme".into(),
                title: "Acme".into(),
                reason: "none".into(),
                ended,
            },
        }
    }

    fn shown(item: &Item, posting: u16) -> Vec<DesiredMessage> {
        let look = Look {
            upload_limit: 1,
            without_files: BTreeMap::new(),
            postings: BTreeMap::from([(item.id, posting)]),
            unsaid: BTreeSet::new(),
            unshown: BTreeSet::new(),
        };
        let card = DesiredMessage::new(Key::of(item), "card");
        posted(item, [card], &look)
    }

    #[test]
    fn each_posting_has_a_name_of_its_own_until_nothing_is_posted_any_more() {
        let mut posting = 0;
        let mut names = vec![];
        for words in ["card", "card", "card", "card", NO_MORE, NO_MORE] {
            let shown = shown(&item(None), posting);
            assert_eq!(shown[0].content, words, "{posting}");
            assert_eq!(shown[0].key.posting(), posting);
            names.push(shown[0].key);
            posting = after(posting);
        }
        names.dedup();
        assert_eq!(names.len(), 5, "the last one stays");
        assert_eq!(
            shown(&item(Some(LoginEnd::Done)), 4)[0].content,
            "card",
            "what is over is a line"
        );
    }

    #[test]
    fn only_what_is_open_waits() {
        assert!(waits(&item(None)) && !waits(&item(Some(LoginEnd::Gone))));
        let note = Item {
            body: Body::Thought { text: String::new() },
            ..item(None)
        };
        assert!(!waits(&note) && !is_card(&note) && is_card(&item(Some(LoginEnd::Gone))));
    }
}
