//! What a page hears, as server-sent events, and the ids by which it says what it has.

use axum::response::sse::Event;
use serde::Serialize;

use super::feed::Sent;
use crate::web::view::QueueEvent;

/// The first event: which life of the host this is.
#[derive(Serialize)]
pub(super) struct Hello<'a> {
    pub(super) boot: &'a str,
    /// Milliseconds since 1970.
    pub(super) now: i64,
}

/// The revision in the id of an event, if it is of this host's life.
pub(super) fn revision_of(id: &str, boot: &str) -> Option<u64> {
    let (of, revision) = id.rsplit_once('-')?;
    (of == boot).then(|| revision.parse().ok()).flatten()
}

/// The event with the id of this revision.
pub(super) fn with_id(event: Event, boot: &str, revision: u64) -> Event {
    event.id(format!("{boot}-{revision}"))
}

/// The event of a change.
pub(super) fn event(sent: &Sent) -> Event {
    let named = |name: &str| Event::default().event(name);
    match sent {
        Sent::Item(item) => json(named("item"), item),
        Sent::Patch(patch) => json(named("patch"), patch),
        Sent::Queue(html) => json(named("queue"), &QueueEvent { html: html.clone() }),
        Sent::Phase(phase) => json(named("phase"), phase),
        Sent::Thread(thread) => json(named("thread"), thread),
    }
}

/// The event with this data.
pub(super) fn json(event: Event, data: &impl Serialize) -> Event {
    // JSON has no line ends outside of strings, and escapes those inside: it is one line of data.
    let data = serde_json::to_string(data).expect("our own shapes have only strings as keys");
    event.data(data)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_of_another_life_proves_nothing() {
        assert_eq!(revision_of("abc-12", "abc"), Some(12));
        for id in ["abd-12", "abc-", "abc", "abc--1", "abc-12x", "", "-12", "12"] {
            assert_eq!(revision_of(id, "abc"), None, "{id}");
        }
    }
}
