//! States and words that the other pages of the gallery do not show.

use conversation::{Body, Decision, Item, NoteKind, PlanEntry, PlanStatus, ToolKind, ToolStatus, TurnId};

use super::timeline::{Timeline, answer, ask, file, said, tool};

/// Words that browsers have trouble with: from right to left, without a place to break, wide, deep, hidden.
const ODD: &str = "שלום, הקובץ `src/parse.rs` תוקן. مرحبا، تم إصلاح الملف.\n\n- פריט ראשון\n- פריט שני עם `code` באמצע\n\n\
    Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaftsmitgliedsausweisnummernkreisverwaltungsordnungsentwurf \
    and https://example.org/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa?b=c\n\n\
    | a | b | c | d | e | f | g | h |\n|---|---|---|---|---|---|---|---|\n\
    | some words here | some words here | some words here | some words here | some words here | some words here | some words here | 1 |\n\n\
    1. one\n   1. two\n      1. three\n         - four\n           > quoted in a list\n\n\
    # First\n\n## Second\n\n### Third\n\n#### Fourth\n\n日本語の文章は単語の間に空白がありません。これは長い段落なので、折り返しが必要です。日本語の文章は単語の間に空白がありません。\n\n\
    ```\nno language\n\ta tab\n```\n\n---\n\n*emphasis*, **strong**, ~~struck~~, `code`, 👩‍👩‍👧‍👦 and e\u{301}.";

/// All that the other pages do not show: each kind of call, each decision, each note, odd words.
pub(super) fn items() -> Vec<Item> {
    let mut timeline = Timeline { items: vec![] };
    timeline
        .add(1, said("שלום! אפשר לתקן את הקובץ? a_word_without_any_place_to_break_aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", vec![file("הקובץ הארוך מאוד של הפרויקט הזה עם שם שאין לו סוף ועוד קצת.txt", 12, "text/plain")]))
        .add(1, answer(ODD));
    calls(&mut timeline);
    let by = || "Alice".to_owned();
    for decision in [
        Decision::Once { by: by() },
        Decision::Always {
            by: by(),
            words: String::new(),
        },
        Decision::Always {
            by: by(),
            words: "Always run exactly this command".into(),
        },
        Decision::Denied {
            by: by(),
            reason: None,
        },
        Decision::TimedOut,
        Decision::Gone,
    ] {
        timeline.add(
            1,
            ask(
                "run a command",
                "cargo test --workspace --all-targets --no-fail-fast -- --nocapture",
                vec![],
                Some(decision),
            ),
        );
    }
    for (kind, text, retry) in [
        (NoteKind::Info, "Stopped by the thread’s owner.", Some(TurnId(1))),
        (
            NoteKind::Info,
            "Taken out of the queue by Alice.",
            Some(TurnId(2)),
        ),
        (
            NoteKind::Warning,
            "The agent has said nothing for 5 minutes.",
            None,
        ),
        (
            NoteKind::Warning,
            "The worker ended in the middle of this turn, so the answer is cut off. Nothing else was touched.",
            Some(TurnId(3)),
        ),
        (
            NoteKind::Error,
            "The agent’s process ended (killed by SIGKILL).\n\nIts last words:\n\n```\n2026-11-21T14:00:08Z  WARN a line of a log that is long enough to \
             need more than one line on any phone\nand another one\n```\n\nThe turn was cut.",
            Some(TurnId(4)),
        ),
        (
            NoteKind::Error,
            "The model refuses this host’s API key (OPENAI_API_KEY): set another, and start the host again.",
            Some(TurnId(4)),
        ),
    ] {
        timeline.add(
            1,
            Body::Note {
                kind,
                text: text.into(),
                retry,
            },
        );
    }
    let long = "echo another step &&\n".repeat(40) + "printf '\u{202e}gnp.exe\u{202c}'";
    timeline
        .add(1, Body::Thought { text: ODD.into() })
        .add(1, Body::Plan { entries: [("Words enough to need more than one line on a phone, and on a desk as well if they go on for long enough, which these do", PlanStatus::Running), ("קריאת הקובץ", PlanStatus::Completed)].map(|(text, status)| PlanEntry { text: text.into(), status }).into() })
        .add(1, ask("run a command", &long, vec![], None));
    timeline.items
}

/// Each kind of call, in one state or another.
fn calls(timeline: &mut Timeline) {
    let kinds = [
        ToolKind::Read,
        ToolKind::Edit,
        ToolKind::Delete,
        ToolKind::Move,
        ToolKind::Search,
        ToolKind::Execute,
        ToolKind::Think,
        ToolKind::Fetch,
        ToolKind::Other,
    ];
    let statuses = [
        ToolStatus::Pending,
        ToolStatus::Running,
        ToolStatus::Completed,
        ToolStatus::Failed,
        ToolStatus::Stopped,
        ToolStatus::Cut,
    ];
    for (at, kind) in kinds.into_iter().enumerate() {
        let output = if at % 3 == 0 { "" } else { "one line of output" };
        let title = "a title that goes on and on until there is no room for it any more, wherever it stands";
        timeline.add(1, Body::Tool(tool(kind, statuses[at % 5], title, "", output)));
    }
}
