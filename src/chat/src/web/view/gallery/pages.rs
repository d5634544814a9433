//! The pages of the gallery: a thread with every kind of entry in every state, and all other pages, empty and full.

use std::collections::BTreeMap;
use std::time::Duration;

use conversation::ThreadId;
use credentials::{Timestamp, UserId};
use supervisor::ThreadPhase;

use crate::web::view::{
    Content, Line, MayInvite, Purse, Shell, Viewer, credentials, message_page, shell, workers,
};

mod doors;
mod list;
mod logins;
mod states;
mod timeline;
mod workers;

use timeline::{Timeline, early, late, snapshot};

fn now() -> Timestamp {
    Timestamp::now()
}

fn ago(seconds: u64) -> Timestamp {
    Timestamp::from_millis(now().millis() - i64::try_from(seconds * 1000).unwrap())
}

fn soon(seconds: u64) -> Timestamp {
    now().plus(Duration::from_secs(seconds))
}

fn viewer() -> Viewer {
    Viewer {
        user: UserId::parse("web:alice").unwrap(),
        owner: true,
        now: now(),
    }
}

fn id(local: &str) -> ThreadId {
    ThreadId::parse(&format!("web:{local}")).unwrap()
}

fn page(content: Content<'_>, lines: &[Line]) -> String {
    let agents = [
        ("native".to_owned(), "Rehearsal".to_owned()),
        ("codex".to_owned(), "Codex".to_owned()),
    ];
    let trials = [(
        "What can you do here?".to_owned(),
        "the agent tells what it is able to do".to_owned(),
    )];
    shell(&Shell {
        content,
        viewer: &viewer(),
        name: "Alice",
        csrf: "token",
        invites: MayInvite::Anybody,
        boot: "boot",
        threads: lines,
        agents: &agents,
        default_agent: "native",
        upload_limit: 25 * 1024 * 1024,
        trials: &trials,
        notice: Some("This is a rehearsal: the model and its logins are played on this machine."),
    })
}

/// All pages by name.
pub(super) fn all() -> BTreeMap<&'static str, String> {
    let mut begun = Timeline { items: vec![] };
    early(&mut begun);
    let quiet = snapshot(begun.items.clone(), ThreadPhase::Idle, None);
    late(&mut begun);
    let full = snapshot(
        begun.items,
        ThreadPhase::Working,
        Some("running cargo test --workspace"),
    );
    let failed = snapshot(
        full.items[..18].to_vec(),
        ThreadPhase::Failed { until: None },
        None,
    );
    let states = snapshot(states::items(), ThreadPhase::AwaitingPermission, Some("waiting"));
    let lines = list::lines();
    let mut all = BTreeMap::from([
        ("home", page(Content::Home, &[])),
        ("home-list", page(Content::Home, &lines)),
        ("thread", page(Content::Thread(&quiet), &lines)),
        ("busy", page(Content::Thread(&full), &lines)),
        ("failed", page(Content::Thread(&failed), &lines)),
        ("states", page(Content::Thread(&states), &lines)),
        (
            "credentials",
            page(
                Content::Page {
                    title: "Credentials",
                    html: &logins::credentials_page(),
                },
                &lines,
            ),
        ),
        (
            "credentials-empty",
            page(
                Content::Page {
                    title: "Credentials",
                    html: &credentials(
                        &Purse {
                            pays: vec![],
                            logins: vec![],
                        },
                        &viewer(),
                    ),
                },
                &lines,
            ),
        ),
        (
            "workers",
            page(
                Content::Page {
                    title: "Workers",
                    html: &workers::workers_page(),
                },
                &lines,
            ),
        ),
        (
            "workers-empty",
            page(
                Content::Page {
                    title: "Workers",
                    html: &workers(&[], &viewer()),
                },
                &lines,
            ),
        ),
        (
            "message",
            message_page(
                "This browser is not let in",
                "Run `agent-host status` on the machine: it prints a link that lets one browser in.\n\nLinks are good once, for ten minutes.",
                "",
                Some(("/", "Try again")),
            ),
        ),
    ]);
    all.extend(doors::all());
    all
}
