//! Where people write: the field, what waits above it, and the commands that begin with `/`.

use conversation::{Dispatch, Turn};
use supervisor::{Snapshot, ThreadPhase};

use super::html::{each, escape, push};
use super::icon::icon;
use super::phase::{PhaseView, phase};
use super::{Content, Shell, Viewer, harmless, words};
use crate::origins::Origin;

/// A command that begins with `/`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Command {
    /// With its slash.
    pub(crate) name: &'static str,
    /// What may follow, for people.
    pub(crate) arguments: &'static str,
    /// What it does, in one line.
    pub(crate) help: &'static str,
}

/// All commands, in the order in which they are offered.
pub(crate) const COMMANDS: &[Command] = &[
    Command {
        name: "/new",
        arguments: "",
        help: "open a new thread",
    },
    Command {
        name: "/stop",
        arguments: "",
        help: "stop what runs in this thread",
    },
    Command {
        name: "/auth",
        arguments: "[service]",
        help: "sign in, and see who is signed in",
    },
    Command {
        name: "/model",
        arguments: "[name]",
        help: "show or change the model of this thread",
    },
    Command {
        name: "/agent",
        arguments: "[name]",
        help: "show or change the agent of this thread",
    },
    Command {
        name: "/status",
        arguments: "",
        help: "what runs, what waits, what needs attention",
    },
    Command {
        name: "/reset",
        arguments: "",
        help: "forget the agent's memory of this thread, and what it may always do; files stay",
    },
    Command {
        name: "/help",
        arguments: "",
        help: "what can be done here",
    },
];

/// The turns that wait, each with a button that takes it out. Empty when none does.
pub(crate) fn queue(turns: &[Turn], viewer: &Viewer) -> String {
    if turns.is_empty() {
        return String::new();
    }
    let mut out = format!("<p class=\"quiet\">{} queued</p><ol>", turns.len());
    for turn in turns {
        let text = harmless::line(&turn.text, 160);
        let files = match turn.files.len() {
            0 => String::new(),
            1 => " <small>1 file</small>".to_owned(),
            count => format!(" <small>{count} files</small>"),
        };
        let button = if viewer.owner {
            format!(
                "<button class=\"plain\" data-act=\"drop\" data-turn=\"{}\" aria-label=\"Remove from the queue: {}\" \
                 title=\"Remove from the queue\">{}</button>",
                turn.id,
                escape(&harmless::line(&turn.text, 40)),
                icon("close")
            )
        } else {
            String::new()
        };
        push!(out, "<li><span>{}{files}</span>{button}</li>", escape(&text));
    }
    out + "</ol>"
}

/// The composer, with what runs and what waits at this moment.
pub(super) fn composer(shell: &Shell<'_>) -> String {
    let (agents, state, waiting, mode) = if let Content::Thread(now) = &shell.content {
        let state = phase(now.phase, now.doing.as_ref());
        let mode = state.dispatch.unwrap_or(now.thread.dispatch);
        (String::new(), state, queue(&now.queued, shell.viewer), mode)
    } else {
        let state = phase(ThreadPhase::Cold, None);
        (agents(shell), state, String::new(), Dispatch::default())
    };
    let busy = if state.busy { "" } else { " hidden" };
    format!(
        r#"<form id="composer" data-limit="{limit}" data-limit-words="{}" autocomplete="off">
{}
<div class="field">
<ul id="commands" role="listbox" aria-label="Commands" hidden>{}</ul>
<ul id="uploads" class="files" aria-label="Attachments"></ul>
<label class="hear" for="text">Message</label>
<textarea id="text" rows="1" placeholder="Message the agent, or / for commands" autofocus aria-describedby="keys"></textarea>
<div class="row tools">
<input id="file" type="file" multiple hidden>
<button type="button" class="plain" id="attach" aria-label="Attach files" title="Attach files (or drop or paste them)">{}</button>{agents}
<span class="grow" id="keys"><span class="hear"></span></span>
<label class="pick" id="mode" title="What a message does while the agent works"{busy}><span class="hear">What a message does while the agent works</span><select id="dispatch">{}</select></label>
<button type="button" id="stop"{busy}>{}Stop</button>
<button class="primary" id="send" aria-label="Send">{}</button>
</div></div></form>"#,
        words::bytes(shell.upload_limit),
        standing(&state, &waiting),
        commands(),
        icon("attach"),
        modes(mode, ["Queue", "Steer", "Interrupt"]),
        icon("stop"),
        icon("send"),
        limit = shell.upload_limit,
    )
}

/// What waits, and how the thread stands.
fn standing(state: &PhaseView, waiting: &str) -> String {
    let idle = if state.words.is_empty() { "idle" } else { "" };
    format!(
        r#"<div id="queue" aria-label="Queued messages" role="group">{waiting}</div>
<div id="status" role="group" aria-label="State" class="{idle}"><span class="dot {}"></span><span id="doing">{}</span><span id="elapsed" aria-hidden="true"></span><span id="tokens"></span></div>"#,
        state.tone,
        escape(&state.words)
    )
}

/// What stands in the composer's place where people write somewhere else.
pub(super) fn watching(shell: &Shell<'_>, now: &Snapshot, origin: &Origin) -> String {
    let state = phase(now.phase, now.doing.as_ref());
    let link = origin.link.as_deref().map_or(String::new(), |link| {
        format!(
            " <a href=\"{}\" target=\"_blank\" rel=\"noopener noreferrer\">Open it there</a>",
            escape(link)
        )
    });
    format!(
        "<section id=\"watch\" aria-label=\"Where this thread is\">{}<p>{}<span>{}: you watch it here, and write there.</span>{link}</p></section>",
        standing(&state, &queue(&now.queued, shell.viewer)),
        icon("info"),
        escape(&origin.place)
    )
}

/// The choice of an agent for a thread that does not exist yet.
fn agents(shell: &Shell<'_>) -> String {
    if shell.agents.len() < 2 {
        return String::new();
    }
    format!(
        "<label class=\"pick\"><span class=\"hear\">Agent</span><select id=\"new-agent\">{}</select></label>",
        options(shell.agents, shell.default_agent)
    )
}

fn commands() -> String {
    let mut out = String::new();
    for (at, one) in COMMANDS.iter().enumerate() {
        push!(
            out,
            "<li role=\"option\" id=\"c{at}\" data-name=\"{}\" aria-selected=\"false\"><b>{}</b> <i>{}</i><span>{}</span></li>",
            one.name,
            one.name,
            one.arguments,
            one.help
        );
    }
    out
}

/// The modes as options of a select, in the words of the place.
pub(super) fn modes(chosen: Dispatch, words: [&str; 3]) -> String {
    let values = [
        (Dispatch::Queue, "queue"),
        (Dispatch::Steer, "steer"),
        (Dispatch::Interrupt, "interrupt"),
    ];
    let option = |((mode, value), words): ((Dispatch, &str), &str)| {
        let selected = if mode == chosen { " selected" } else { "" };
        format!("<option value=\"{value}\"{selected}>{words}</option>")
    };
    each(values.into_iter().zip(words), option)
}

/// Agents as options of a select.
pub(super) fn options(agents: &[(String, String)], chosen: &str) -> String {
    each(agents, |(name, title)| {
        let selected = if name == chosen { " selected" } else { "" };
        format!(
            "<option value=\"{}\"{selected}>{}</option>",
            escape(name),
            escape(title)
        )
    })
}
