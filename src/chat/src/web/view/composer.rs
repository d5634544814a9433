//! Where people write: the field, what waits above it, and the commands that begin with `/`.

use conversation::Turn;

use super::html::escape;
use super::icon::icon;
use super::{Viewer, harmless, words};

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
        help: "forget the agent's memory of this thread; files stay",
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
        out.push_str(&format!("<li><span>{}{files}</span>{button}</li>", escape(&text)));
    }
    out + "</ol>"
}

/// The composer. `agents` is drawn only where a thread does not exist yet.
pub(super) fn composer(limit: u64, new_thread: Option<(&[(String, String)], &str)>) -> String {
    let agents = match new_thread {
        Some((agents, default)) if agents.len() > 1 => format!(
            "<label class=\"pick\"><span class=\"hear\">Agent</span><select id=\"new-agent\">{}</select></label>",
            options(agents, default)
        ),
        _ => String::new(),
    };
    let mut commands = String::new();
    for (at, one) in COMMANDS.iter().enumerate() {
        commands.push_str(&format!(
            "<li role=\"option\" id=\"c{at}\" data-name=\"{}\" aria-selected=\"false\"><b>{}</b> <i>{}</i><span>{}</span></li>",
            one.name, one.name, one.arguments, one.help
        ));
    }
    format!(
        r#"<form id="composer" data-limit="{limit}" data-limit-words="{}" autocomplete="off">
<div id="queue" aria-label="Queued messages" role="group"></div>
<div id="status" role="status"><span class="dot quiet"></span><span id="doing"></span><span id="elapsed" aria-hidden="true"></span><span id="tokens"></span></div>
<ul id="commands" role="listbox" aria-label="Commands" hidden>{commands}</ul>
<div class="field">
<ul id="uploads" class="files" aria-label="Attachments"></ul>
<label class="hear" for="text">Message</label>
<textarea id="text" rows="1" placeholder="Message the agent, or / for commands" autofocus aria-autocomplete="list" aria-controls="commands" aria-describedby="keys"></textarea>
<div class="row tools">
<input id="file" type="file" multiple hidden>
<button type="button" class="plain" id="attach" aria-label="Attach files" title="Attach files (or drop or paste them)">{}</button>{agents}
<span class="grow" id="keys"><span class="hear">Enter sends, Shift and Enter begins a new line</span></span>
<label class="pick" id="mode" hidden><span class="hear">What a message does while the agent works</span><select id="dispatch"><option value="queue">Queue</option><option value="steer">Steer</option><option value="interrupt">Interrupt</option></select></label>
<button type="button" id="stop" hidden>{}Stop</button>
<button class="primary" id="send" aria-label="Send" title="Send (Enter)">{}</button>
</div></div></form>"#,
        words::bytes(limit),
        icon("attach"),
        icon("stop"),
        icon("send"),
    )
}

/// Agents as options of a select.
pub(super) fn options(agents: &[(String, String)], chosen: &str) -> String {
    agents
        .iter()
        .map(|(name, title)| {
            let selected = if name == chosen { " selected" } else { "" };
            format!(
                "<option value=\"{}\"{selected}>{}</option>",
                escape(name),
                escape(title)
            )
        })
        .collect()
}
