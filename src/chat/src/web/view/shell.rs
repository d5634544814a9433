//! The frame of every page: list on the left, a thread or a page on the right.

use std::collections::HashMap;

use conversation::in_order;
use credentials::UserId;

use super::html::{each, escape};
use super::icon::icon;
use super::{Content, MayInvite, Shell, assets, composer, fitting, harmless, list, thread_name};
use crate::web::lists::LIST_LIMIT;
use crate::web::random;

/// The whole page.
pub(crate) fn shell(shell: &Shell<'_>) -> String {
    let (title, kind, thread) = match &shell.content {
        Content::Home => ("New thread".to_owned(), "home", String::new()),
        Content::Thread(now) | Content::Elsewhere(now, _) => (
            harmless::line(&now.thread.title, 80),
            "thread",
            thread_name(&now.thread.id),
        ),
        Content::Page { title, .. } => ((*title).to_owned(), "page", String::new()),
    };
    let title = if title.is_empty() { "New thread" } else { &title };
    let notice = shell.notice.map_or_else(String::new, |notice| {
        format!(
            "<p id=\"notice\">{}<span>{}</span></p>",
            icon("info"),
            escape(notice)
        )
    });
    format!(
        "<!doctype html><html lang=\"en\"><head>{head}<meta name=\"csrf\" content=\"{csrf}\"><title>{title} · agent-host</title>\
         <script type=\"module\" src=\"/assets/app.js?v={version}\"></script></head>\
         <body data-kind=\"{kind}\" data-thread=\"{thread}\" data-boot=\"{boot}\" data-person=\"{person}\">\
         <a class=\"skip\" href=\"#main\">Skip the list of threads</a>\
         <div id=\"banner\" role=\"status\" hidden></div><div id=\"heard\" class=\"hear\" role=\"status\"></div>{side}<div id=\"veil\" hidden></div>\
         <div id=\"right\">{notice}{main}</div>{dialogs}\
         <noscript><p id=\"noscript\">This page needs JavaScript; it is all served from this host.</p></noscript></body></html>",
        head = assets::head(),
        csrf = escape(shell.csrf),
        title = escape(title),
        version = assets::version(),
        thread = escape(&thread),
        boot = escape(shell.boot),
        person = browser_of(&shell.viewer.user),
        side = side(shell),
        main = main(shell, title),
        dialogs = DIALOG,
    )
}

/// What pages call the person whom they are drawn for.
pub(crate) fn browser_of(user: &UserId) -> String {
    random::name_of("browser", &[user.as_str()])
}

/// Asks once before something is lost. Words are set by the script.
const DIALOG: &str = "<dialog id=\"ask\" aria-labelledby=\"ask-title\"><form method=\"dialog\"><h2 id=\"ask-title\"></h2><p id=\"ask-words\"></p>\
    <div class=\"row end\"><button value=\"no\" autofocus>Cancel</button><button value=\"yes\" class=\"danger\" id=\"ask-yes\">Yes</button></div>\
    </form></dialog>";

fn side(shell: &Shell<'_>) -> String {
    let lines: String = shell
        .threads
        .iter()
        .map(|line| list::thread_line(line, shell.viewer.now))
        .collect();
    let name = harmless::line(shell.name, 40);
    let shown = if name.is_empty() { "Your name" } else { &name };
    let open = match &shell.content {
        Content::Page { title, .. } => *title,
        _ => "",
    };
    let page = |path: &str, name: &str, drawing: &str| {
        let here = if open == name {
            " aria-current=\"page\""
        } else {
            ""
        };
        format!("<a href=\"{path}\"{here}>{}{name}</a>", icon(drawing))
    };
    format!(
        "<aside id=\"side\" aria-label=\"Threads\"><div class=\"top\"><a class=\"brand\" href=\"/\">agent-host</a>\
         <a class=\"button\" href=\"/\" id=\"new\">{plus}New</a></div>\
         <label class=\"hear\" for=\"filter\">Filter threads</label>\
         <input id=\"filter\" type=\"search\" placeholder=\"Filter threads\" autocomplete=\"off\" aria-keyshortcuts=\"Control+K\">\
         <nav aria-label=\"Thread list\"><ul id=\"list\">{lines}</ul><p class=\"quiet none\" id=\"none\" hidden>No thread fits.</p>\
         <button type=\"button\" id=\"quiet\"{fewer}>Show older threads</button></nav>\
         <footer>{credentials}{workers}\
         <details class=\"menu up\" id=\"me\"><summary>{person}<span>{shown}</span></summary><form class=\"pop\" data-act=\"name\">\
         <label for=\"name\">The name you show</label><div class=\"row\"><input id=\"name\" name=\"name\" value=\"{value}\" maxlength=\"40\" \
         autocomplete=\"nickname\"><button>Save</button></div><p class=\"quiet\">Only a name: who you are {whose}.</p>\
         {invites}<p class=\"with\"><a href=\"/enter\">Sign out…</a></p></form></details>\
         <button type=\"button\" class=\"plain\" id=\"theme\" aria-label=\"Theme\">{theme}<span></span></button></footer></aside>",
        plus = icon("plus"),
        fewer = if shell.threads.len() < LIST_LIMIT {
            " hidden"
        } else {
            ""
        },
        credentials = page("/credentials", "Credentials", "key"),
        workers = page("/workers", "Workers", "workers"),
        person = icon("person"),
        whose = match shell.invites {
            // Links are for whoever no proxy names.
            MayInvite::Nobody => "is what the proxy in front says",
            MayInvite::OwnBrowser | MayInvite::Anybody => "is this browser",
        },
        invites = invites(shell.invites),
        shown = escape(shown),
        value = escape(&name),
        theme = icon("theme"),
    )
}

/// Buttons that make links.
fn invites(whom: MayInvite) -> String {
    let other = match whom {
        MayInvite::Nobody => return String::new(),
        MayInvite::OwnBrowser => "",
        MayInvite::Anybody => {
            "<button type=\"button\" data-act=\"invite\" data-other=\"yes\">Somebody else</button>"
        }
    };
    format!(
        "<p class=\"with\">A link for:</p><div class=\"row\"><button type=\"button\" data-act=\"invite\">My other browser</button>\
         {other}</div><p class=\"invited\" role=\"status\"></p>"
    )
}

fn main(shell: &Shell<'_>, title: &str) -> String {
    let menu = format!(
        "<button type=\"button\" class=\"plain\" id=\"drawer\" aria-label=\"Threads\" aria-expanded=\"false\" aria-controls=\"side\">{}</button>",
        icon("menu")
    );
    let title = escape(title);
    match &shell.content {
        Content::Home => format!(
            "<header id=\"head\">{menu}<h1>New thread</h1></header><main id=\"main\" tabindex=\"-1\"><div id=\"scroll\">{}\
             <div id=\"timeline\" role=\"log\" aria-label=\"Conversation\" aria-live=\"polite\"></div></div></main>{}",
            empty(shell.trials),
            composer::composer(shell)
        ),
        Content::Thread(now) => format!(
            "<header id=\"head\">{menu}<h1 class=\"hear\">{title}</h1><input id=\"title\" value=\"{title}\" aria-label=\"Title of this thread\" \
             maxlength=\"120\" autocomplete=\"off\" spellcheck=\"false\">{}</header>{}{}",
            agent_menu(shell, now),
            conversation(shell, now),
            composer::composer(shell)
        ),
        Content::Elsewhere(now, origin) => format!(
            "<header id=\"head\">{menu}<h1>{title}</h1></header>{}{}",
            conversation(shell, now),
            composer::watching(shell, now, origin)
        ),
        Content::Page { html, .. } => format!(
            "<header id=\"head\">{menu}<h1>{title}</h1></header><main id=\"main\" tabindex=\"-1\"><div id=\"scroll\"><div class=\"page\" id=\"page\">{html}\
             </div></div></main>"
        ),
    }
}

/// What was said, with what loads more of it.
fn conversation(shell: &Shell<'_>, now: &supervisor::Snapshot) -> String {
    let (drawn, from) = fitting(&now.items, now.from, shell.viewer);
    let drawn: HashMap<_, _> = drawn.into_iter().map(|(one, html)| (one.id, html)).collect();
    let items: String = in_order(&now.items)
        .iter()
        .filter_map(|one| drawn.get(&one.id).map(String::as_str))
        .collect();
    let more = if from.is_some() { "" } else { " hidden" };
    let from = from.map_or(0, |from| from.0);
    format!(
        "<main id=\"main\" tabindex=\"-1\"><div id=\"scroll\"><button type=\"button\" id=\"older\"{more}>Show earlier</button>\
         <div id=\"timeline\" data-from=\"{from}\" role=\"log\" aria-label=\"Conversation\" aria-live=\"polite\" aria-relevant=\"additions\">{items}</div>\
         <div id=\"local\" aria-live=\"polite\"></div></div>\
         <button type=\"button\" id=\"newer\" hidden>{}New</button></main>",
        icon("down")
    )
}

fn empty(trials: &[(String, String)]) -> String {
    let trials = each(trials, |(text, what)| {
        format!(
            "<li><button type=\"button\" data-act=\"try\" data-text=\"{text}\"><code>{text}</code><span>{what}</span></button></li>",
            text = escape(text),
            what = escape(what)
        )
    });
    format!(
        "<section id=\"empty\"><h2>Talk to an agent</h2><p>Each thread gets an agent of its own: one process, one folder to work in. It \
         answers, reads and writes files there, and runs commands after asking you.</p><p class=\"quiet\">Try one of these, or write \
         below.</p><ul class=\"trials\">{trials}</ul></section>"
    )
}

fn agent_menu(shell: &Shell<'_>, now: &supervisor::Snapshot) -> String {
    let thread = &now.thread;
    let name = shell
        .agents
        .iter()
        .find(|(name, _)| *name == thread.agent)
        .map_or(&thread.agent, |(_, title)| title);
    let model = thread.model.as_deref().unwrap_or_default();
    let shown = if model.is_empty() {
        String::new()
    } else {
        format!(" <small>{}</small>", escape(model))
    };
    let mode = thread.mode.as_deref();
    // What else there is, is asked for when the menu is opened.
    let its_modes: Vec<_> = [(String::new(), "the agent’s own".to_owned())]
        .into_iter()
        .chain(mode.map(|mode| (mode.to_owned(), mode.to_owned())))
        .collect();
    format!(
        "<details class=\"menu\" id=\"agent\"><summary><span class=\"hear\">Agent: </span><span id=\"agent-name\">{}{shown}</span>{}</summary>\
         <form class=\"pop\" data-act=\"settings\"><label for=\"pick-agent\">Agent</label><select id=\"pick-agent\" name=\"agent\">{}</select>\
         <label for=\"pick-model\">Model</label><input id=\"pick-model\" name=\"model\" value=\"{}\" placeholder=\"the agent’s own\" autocomplete=\"off\" \
         autocapitalize=\"off\" spellcheck=\"false\" list=\"models\"><datalist id=\"models\"></datalist><div id=\"its-mode\"{}>\
         <label for=\"pick-its-mode\">How the agent works</label><select id=\"pick-its-mode\" name=\"mode\">{}</select></div>\
         <label for=\"pick-mode\">A message while it works</label><select id=\"pick-mode\" name=\"dispatch\">\
         {}</select>\
         <p class=\"problem\" role=\"alert\"></p><div class=\"row\"><button class=\"primary\">Apply</button><span class=\"grow\"></span>\
         <button type=\"button\" data-act=\"reset\">Reset…</button></div><section id=\"always\" aria-live=\"polite\"></section></form></details>",
        escape(name),
        icon("down"),
        composer::options(shell.agents, &thread.agent),
        escape(model),
        if mode.is_some() { "" } else { " hidden" },
        composer::options(&its_modes, mode.unwrap_or_default()),
        composer::modes(
            thread.dispatch,
            [
                "waits its turn",
                "is merged into the running turn",
                "replaces the running turn"
            ]
        ),
    )
}
