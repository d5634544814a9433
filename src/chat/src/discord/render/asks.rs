//! What the agent asks people for: permissions and logins, each a card with buttons and afterwards a line that stays.

use std::borrow::Cow;

use conversation::{Body, Choice, ChoiceKind, Decision, Diff, Item, LoginEnd, ToolKind};

use credentials::Timestamp;

use super::message::{Button, DesiredMessage, Key, OutFile, Style};
use super::{Look, diff, unattached, words};
use crate::asking::headline;
use crate::discord::custom_id::Action;
use crate::discord::split::{as_code, kept_inside, units};
use crate::harmless;
use crate::notes::sentence;

/// Discord takes no more in a row.
const MOST_BUTTONS: usize = 5;
/// So much of what would be done is shown in the message; all of it is in files then.
const LONGEST_SHOWN: usize = 950;

/// What would be done: what runs or is asked, or the changes to files.
struct Part<'t> {
    /// Of its file.
    name: &'static str,
    /// How Discord colours it.
    language: &'static str,
    text: Cow<'t, str>,
    /// Where that ends which is shown in the message.
    shown: usize,
}

impl Part<'_> {
    /// All of it, if not all is shown.
    fn file(&self) -> Option<OutFile> {
        (self.shown < self.text.len()).then(|| OutFile::text(self.name, &*self.text))
    }

    fn block(&self) -> String {
        let shown = self.text[..self.shown].trim_end_matches('\n');
        format!("```{}\n{}\n```\n", self.language, kept_inside(shown))
    }
}

/// What there is to read, in the order in which it is shown. The changes have the room that is left.
fn parts<'t>(told: &'t str, diffs: &[Diff], runs: bool) -> Vec<Part<'t>> {
    let mut parts = vec![];
    let mut room = LONGEST_SHOWN;
    if !told.trim().is_empty() {
        let most = if diffs.is_empty() { room } else { room / 2 };
        let shown = beginning(told, most);
        room -= units(&told[..shown]);
        parts.push(Part {
            name: if runs { "would-run.txt" } else { "request.txt" },
            language: "",
            text: told.into(),
            shown,
        });
    }
    if !diffs.is_empty() {
        let text = diff::unified(diffs);
        parts.push(Part {
            name: "changes.diff",
            language: "diff",
            shown: beginning(&text, room),
            text: text.into(),
        });
    }
    parts
}

/// Where the part ends that is shown, at the end of a line if there is one.
fn beginning(text: &str, most: usize) -> usize {
    if units(text) <= most {
        return text.len();
    }
    let end = text.floor_char_boundary(most);
    text[..end].rfind('\n').filter(|at| *at > end / 2).unwrap_or(end)
}

/// Whether all that would be done can be read.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Reading {
    Here,
    InFile,
    Above,
    /// Not all of it.
    Nowhere,
}

/// The card, or the line; before it what would be done, where that can't be in a file.
pub(super) fn permission(item: &Item, look: &Look) -> Vec<DesiredMessage> {
    let Body::Permission {
        request,
        asker,
        kind,
        title,
        detail,
        diffs,
        until,
        decision,
        options,
        ..
    } = &item.body
    else {
        return vec![];
    };
    // Nothing that would be executed is invisible here.
    let detail = harmless::named(detail);
    let headline = headline(asker, *kind, title, &detail);
    let runs = diffs.is_empty() && headline.who.is_empty() || *kind == ToolKind::Execute;
    let parts = parts(headline.beside(&detail, diffs), diffs, runs);
    let files: Vec<_> = parts.iter().filter_map(Part::file).collect();
    let names: Vec<_> = files.iter().map(|file| format!("`{}`", file.name)).collect();
    let (mut out, files, reading) = placed(item, files, look);
    let mut message = DesiredMessage::new(part(item, out.len()), String::new());
    if look.unshown.contains(&message.key) {
        message.content = unshown(decision.as_ref(), *until);
        if decision.is_none() {
            message.buttons = denials(request, options);
        }
        out.push(message);
        return out;
    }
    message.files = files;
    if let Some(decision) = decision {
        message.content = audit(decision, title, &detail, runs && diffs.is_empty());
        out.push(message);
        return out;
    }
    let (who, title) = (words::escaped(&headline.who), words::escaped(&headline.title));
    let mut content = match (who.is_empty(), title.is_empty()) {
        (true, _) => format!("✋ **May it {title}?**\n"),
        (false, true) => format!("✋ **{who}** {}:\n", headline.wants),
        (false, false) => format!("✋ **{who}** {}: {title}\n", headline.wants),
    };
    for part in &parts {
        content.push_str(&part.block());
    }
    if reading == Reading::InFile {
        let line = format!(
            "⚠️ **This is only the beginning.** All of it is in {}: read it first.\n",
            names.join(" and ")
        );
        content.push_str(&line);
    }
    let lacks = unattached::LACKS;
    if reading == Reading::Above {
        let line = format!("All of it stands above: read it first.\n-# ⚠️ {lacks}, so it is in no file.\n");
        content.push_str(&line);
    }
    if reading == Reading::Nowhere {
        let line = format!(
            "⚠️ **Not all of it stands above, so it can't be allowed here.** {lacks}: give it to me and ask again, or \
             deny it and ask for smaller steps.\n"
        );
        content.push_str(&line);
    }
    if parts.iter().any(|part| part.text.contains("⟨U+")) {
        content.push_str("⚠️ Hidden characters are written out as ⟨U+…⟩. Look twice.\n");
    }
    content.push_str(&silence(*until));
    message.content = content;
    message.buttons = if reading == Reading::Nowhere {
        denials(request, options)
    } else {
        buttons(request, options)
    };
    out.push(message);
    out
}

/// The card, or the line, without what Discord does not take.
fn unshown(decision: Option<&Decision>, until: Timestamp) -> String {
    match decision {
        Some(decision) => audit(decision, "what can't be shown in Discord", "", false),
        None => format!(
            "✋ **Discord does not take the words of what is asked here, so it can't be allowed.** Deny it, and ask for it in \
             other words.\n{}",
            silence(until)
        ),
    }
}

fn silence(until: Timestamp) -> String {
    format!("-# If nobody answers, it is denied {}", words::relative(until))
}

/// Where people read these files: attached, or as messages before the card.
fn placed(item: &Item, files: Vec<OutFile>, look: &Look) -> (Vec<DesiredMessage>, Vec<OutFile>, Reading) {
    if files.is_empty() {
        return (vec![], files, Reading::Here);
    }
    if look.attaches(item) {
        return (vec![], files, Reading::InFile);
    }
    let shown = unattached::as_messages(&files);
    let reading = if shown.more || look.unsaid.contains(&item.id) {
        Reading::Nowhere
    } else {
        Reading::Above
    };
    let parts = shown.parts.into_iter().enumerate();
    let messages = parts.map(|(at, text)| DesiredMessage::new(part(item, at), text));
    (messages.collect(), vec![], reading)
}

fn part(item: &Item, at: usize) -> Key {
    Key {
        part: u16::try_from(at).unwrap_or(u16::MAX),
        ..Key::of(item)
    }
}

/// The answers that the agent offers, in its words, allowing ones first, the narrowest of them before all; where it offers
/// no denial there is one all the same.
fn buttons(request: &str, options: &[Choice]) -> Vec<Button> {
    let (mut allow, mut deny) = (vec![], vec![]);
    for (option, choice) in (0..).zip(options) {
        let request = request.to_owned();
        let (words, style) = match choice.kind {
            // The narrowest yes is the one that stands out.
            ChoiceKind::AllowOnce if allow.iter().all(|(is_wide, _)| *is_wide) => {
                ("Allow once", Style::Success)
            }
            ChoiceKind::AllowOnce => ("Allow once", Style::Secondary),
            ChoiceKind::AllowAlways => ("Always allow", Style::Secondary),
            ChoiceKind::RejectOnce => ("Deny", Style::Danger),
            ChoiceKind::RejectAlways => ("Always deny", Style::Danger),
        };
        let name = if harmless::line(&choice.name, 1).is_empty() {
            words
        } else {
            choice.name.as_str()
        };
        match choice.kind {
            ChoiceKind::AllowOnce | ChoiceKind::AllowAlways => {
                let is_wide = choice.kind == ChoiceKind::AllowAlways;
                allow.push((
                    is_wide,
                    Button::new(name, style, Action::Allow { request, option }),
                ));
            }
            ChoiceKind::RejectOnce | ChoiceKind::RejectAlways => {
                let option = Some(option);
                deny.push(Button::new(name, style, Action::Deny { request, option }));
            }
        }
    }
    if deny.is_empty() {
        let (request, option) = (request.to_owned(), None);
        deny.push(Button::new(
            "Deny",
            Style::Danger,
            Action::Deny { request, option },
        ));
    }
    allow.sort_by_key(|(is_wide, _)| *is_wide);
    let mut allow: Vec<_> = allow.into_iter().map(|(_, button)| button).collect();
    // A no always has its place.
    deny.truncate(2);
    allow.truncate(MOST_BUTTONS - deny.len());
    allow.extend(deny);
    allow
}

/// Those of them that allow nothing.
fn denials(request: &str, options: &[Choice]) -> Vec<Button> {
    let mut buttons = buttons(request, options);
    buttons.retain(|button| !button.allows());
    buttons
}

fn audit(decision: &Decision, title: &str, detail: &str, is_command: bool) -> String {
    let who = |by: &str| words::escaped(&harmless::line(by, 60));
    let verdict = match decision {
        Decision::Once { by } => format!("✅ Allowed once by {}", who(by)),
        Decision::Always { by, words: widely } if widely.is_empty() => {
            format!("✅ Allowed from now on by {}", who(by))
        }
        Decision::Always { by, words: widely } => {
            format!(
                "✅ Allowed by {} (“{}”)",
                who(by),
                words::escaped(&harmless::line(widely, 80))
            )
        }
        Decision::Denied { by, reason: None } => format!("❌ Denied by {}", who(by)),
        Decision::Denied {
            by,
            reason: Some(reason),
        } => format!(
            "❌ Denied by {} (“{}”)",
            who(by),
            words::escaped(&harmless::line(reason, 300))
        ),
        Decision::TimedOut => "❌ Nobody answered in time, so it was denied".to_owned(),
        Decision::Gone => "✂️ The turn ended before anybody answered".to_owned(),
    };
    // A command in one line says more than that it was one.
    let what = match detail.trim() {
        command if is_command && !command.is_empty() && !command.contains('\n') => {
            as_code(&harmless::line(command, 300))
        }
        _ => words::escaped(&harmless::line(&title.replace('`', ""), 100)),
    };
    format!("{verdict}: {what}")
}

/// The card with the button that begins the sign-in, or the line that it was done. Where nobody did it there is neither: how the
/// turn ended is told with its reason, and with a way to try it again.
pub(super) fn login(item: &Item) -> Option<DesiredMessage> {
    let Body::Login {
        title, reason, ended, ..
    } = &item.body
    else {
        return None;
    };
    let title = words::escaped(&harmless::line(title, 80));
    match ended {
        None => {}
        Some(LoginEnd::Done) => {
            let words = format!("✅ Signed in to {title}");
            return Some(DesiredMessage::new(Key::of(item), words));
        }
        Some(LoginEnd::TimedOut | LoginEnd::Gone) => return None,
    }
    let reason = words::escaped(&sentence(&harmless::line(reason, 800)));
    let content =
        format!("🔑 **Sign-in needed: {title}**\n{reason}\n-# The turn goes on by itself afterwards.");
    let mut message = DesiredMessage::new(Key::of(item), content);
    message.buttons.push(Button::new(
        "Sign in",
        Style::Primary,
        Action::SignIn { item: item.id },
    ));
    Some(message)
}
