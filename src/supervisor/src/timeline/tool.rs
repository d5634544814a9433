//! Tool calls: what agents report about them, in the words and bounds of our timeline.

use std::fmt::Write as _;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::path::Path;

use agent_client_protocol::v1::schema::{
    ContentBlock, Meta, ToolCallContent, ToolCallStatus, ToolCallUpdate, ToolCallUpdateFields,
    ToolKind as AcpKind,
};
use contract::{META_KEY, STOPPED};
use conversation::{Body, Decision, Diff, Item, ToolCall, ToolKind, ToolStatus};
use credentials::Timestamp;
use serde_json::Value;

use super::aside::{shown_place, words_of};
use super::input::{is_told_by, shown_input};
use super::original::{Original, Part};
use super::{After, Ids, Live, MOST_UNFINISHED, Stage, Timeline};

/// Bytes of output that are kept: the last ones.
const LONGEST_OUTPUT: usize = 64 * 1024;

/// Bytes of a title or of what goes in that an entry has. (What a permission shows is never shortened.)
const LONGEST_INPUT: usize = 16 * 1024;

/// Bytes of an agent's name for a call.
const LONGEST_NAME: usize = 256;

/// Of a diff with more bytes than this the timeline has what lies between the first and the last line that differ, and the lines
/// around it. Where that is more, too, it is left out, and the output says so.
const LONGEST_DIFF: usize = 256 * 1024;

/// Bytes of all diffs of one call that are kept, the same of the others.
const LONGEST_DIFFS: usize = 512 * 1024;

impl Timeline {
    /// A tool call is new, or more is known about it.
    pub(super) fn tool(&mut self, update: ToolCallUpdate, now: Timestamp, ids: Ids<'_>) -> After {
        let call = call_name(&update.tool_call_id.0);
        let is_it = |body: &Body| matches!(body, Body::Tool(tool) if tool.call == call);
        let known = self
            .live
            .iter()
            .rposition(|live| live.stage < Stage::Sealed && is_it(&live.item.body));
        let mut after = After::default();
        let index = known.unwrap_or_else(|| {
            after = self.close_text();
            after.publish = true;
            self.cut_oldest(now);
            self.add(Body::Tool(unknown_call(call.clone())), now, ids);
            self.live.len() - 1
        });
        let workspace = self.workspace.clone();
        let live = &mut self.live[index];
        let Body::Tool(tool) = &mut live.item.body else {
            return after;
        };
        let before = tool.status;
        // One that runs in spite of it is known to run, and no more.
        live.is_denied &= update.fields.status != Some(ToolCallStatus::InProgress);
        let is_failure = update.fields.status == Some(ToolCallStatus::Failed);
        let says_stopped = is_failure && says_stopped(update.meta.as_ref());
        let written = (is_failure && self.is_stopped && !says_stopped).then(|| tool.output.clone());
        merge(tool, &mut live.original, update.fields, &workspace, now);
        if says_stopped || written.is_some() {
            tool.status = ToolStatus::Stopped;
        }
        if let Some(written) = written {
            keep_output(tool, written);
        }
        let is_over = is_over(tool.status);
        if tool.status != before || known.is_none() {
            after.publish = true;
            after.write = true;
            after.doing = Some(match (is_over, tool.kind) {
                (true, _) => "thinking".to_owned(),
                (false, ToolKind::Execute) => format!("running {}", brief(&tool.input)),
                (false, _) => brief(&tool.title),
            });
        }
        live.stage = if is_over { Stage::Done } else { Stage::Growing };
        live.touch();
        self.let_originals_go(index);
        after
    }

    /// What a call asked for was decided.
    pub(crate) fn decided(&mut self, request: &Item) {
        let Body::Permission { call, decision, .. } = &request.body else {
            return;
        };
        let is_it = |live: &&mut Live| {
            live.stage < Stage::Sealed && matches!(&live.item.body, Body::Tool(tool) if tool.call == *call)
        };
        if let Some(live) = self.live.iter_mut().rfind(is_it) {
            live.is_denied = matches!(decision, Some(Decision::Denied { .. } | Decision::TimedOut));
        }
    }

    /// Makes room for one more call among those that have not ended, so that an agent that ends none can't fill the memory.
    fn cut_oldest(&mut self, now: Timestamp) {
        let is_unfinished =
            |live: &&mut Live| matches!(live.item.body, Body::Tool(_)) && live.stage == Stage::Growing;
        if self.live.iter_mut().filter(is_unfinished).count() < MOST_UNFINISHED {
            return;
        }
        if let Some(live) = self.live.iter_mut().find(is_unfinished)
            && let Body::Tool(tool) = &mut live.item.body
        {
            tool.status = ToolStatus::Cut;
            tool.ended = Some(now);
            live.stage = Stage::Done;
            live.touch();
        }
    }
}

/// Our own agent says it of a call, and why in its content; of what a foreign one says, only that it failed is known.
fn says_stopped(meta: Option<&Meta>) -> bool {
    let ours = meta.and_then(|meta| meta.get(META_KEY));
    ours.and_then(|ours| ours.get(STOPPED)) == Some(&Value::Bool(true))
}

/// What a call had put out before it was stopped stays, whatever is said of its end in place of it.
fn keep_output(tool: &mut ToolCall, written: String) {
    if written.is_empty() || tool.output.contains(&written) {
        return;
    }
    let end = std::mem::take(&mut tool.output);
    let gap = if written.ends_with('\n') || end.is_empty() {
        ""
    } else {
        "\n"
    };
    set_output(tool, written + gap + &end);
}

fn is_over(status: ToolStatus) -> bool {
    match status {
        ToolStatus::Pending | ToolStatus::Running => false,
        ToolStatus::Completed | ToolStatus::Failed | ToolStatus::Stopped | ToolStatus::Cut => true,
    }
}

fn unknown_call(call: String) -> ToolCall {
    ToolCall {
        call,
        title: String::new(),
        kind: ToolKind::Other,
        status: ToolStatus::Pending,
        input: String::new(),
        output: String::new(),
        cut: false,
        diffs: Vec::new(),
        exit: None,
        started: None,
        ended: None,
    }
}

fn merge(
    tool: &mut ToolCall,
    original: &mut Original,
    fields: ToolCallUpdateFields,
    workspace: &Path,
    now: Timestamp,
) {
    if let Some(kind) = fields.kind {
        tool.kind = kind_of(kind);
    }
    if let Some(content) = fields.content {
        take_content(tool, original, &content, workspace);
    }
    if let Some(input) = &fields.raw_input
        && let Some(shown) = shown_input(input)
    {
        original.is_told = match &original.diffs {
            Part::Shown => is_told_by(&tool.diffs, input, workspace),
            Part::Kept(diffs) => is_told_by(diffs, input, workspace),
            Part::Lost => false,
        };
        (tool.input, original.input) = match (original.is_told, tool.diffs.first()) {
            // The change says the rest: people need not read it twice.
            (true, Some(diff)) => (diff.path.clone(), Part::Kept(shown)),
            _ => head(shown),
        };
    }
    if let Some(title) = fields.title {
        (tool.title, original.title) = head(title);
    }
    if let Some(places) = &fields.locations {
        original.places = kept(places.iter().map(|place| shown_place(place, workspace)).collect());
    }
    if tool.input.is_empty()
        && let Some(place) = fields.locations.as_ref().and_then(|places| places.first())
    {
        (tool.input, original.input) = head(relative(&place.path, workspace));
        original.is_told = true;
    }
    if let Some(output) = &fields.raw_output {
        let exit = ["exit", "exit_code", "exitCode"]
            .into_iter()
            .find_map(|key| output.get(key));
        tool.exit = exit
            .and_then(Value::as_i64)
            .and_then(|code| i32::try_from(code).ok())
            .or(tool.exit);
        if tool.output.is_empty()
            && let Some(text) = raw_text(output)
        {
            set_output(tool, text.to_owned());
        }
    }
    match fields.status {
        Some(ToolCallStatus::InProgress) => tool.status = ToolStatus::Running,
        Some(ToolCallStatus::Completed) => tool.status = ToolStatus::Completed,
        Some(ToolCallStatus::Failed) => tool.status = ToolStatus::Failed,
        Some(_) => tool.status = ToolStatus::Pending,
        None => {}
    }
    if tool.status != ToolStatus::Pending {
        tool.started.get_or_insert(now);
    }
    if is_over(tool.status) {
        tool.ended.get_or_insert(now);
        // Nobody is asked about it any more, and what it says now is its output.
        original.says_no_more();
    }
}

/// ACP: new content replaces the old as a whole.
fn take_content(tool: &mut ToolCall, original: &mut Original, content: &[ToolCallContent], workspace: &Path) {
    let mut output = String::new();
    for block in content {
        if let ToolCallContent::Content(content) = block
            && let ContentBlock::Text(text) = &content.content
        {
            if !output.is_empty() && !output.ends_with('\n') {
                output.push('\n');
            }
            output.push_str(&text.text);
        }
    }
    let diffs = shown_diffs(content, workspace);
    let (mut total, mut fitting, mut is_whole) = (0, Vec::new(), true);
    for diff in &diffs {
        let room = LONGEST_DIFF.min(LONGEST_DIFFS - total);
        let fits = |diff: &Diff| diff.size() <= room;
        is_whole &= fits(diff);
        // Of a large file mostly little differs.
        let shown = if fits(diff) {
            diff.clone()
        } else {
            diff.shortened()
        };
        if fits(&shown) {
            total += shown.size();
            fitting.push(shown);
        } else {
            // Writing to a string can't fail.
            let _ = write!(
                output,
                "\n(the change to {} is too large to be shown: {} bytes)",
                diff.path,
                shown.size()
            );
        }
    }
    // An agent that reports the output of a change need not repeat the change.
    if !diffs.is_empty() {
        tool.diffs = fitting;
        original.diffs = if is_whole { Part::Shown } else { Part::Kept(diffs) };
        original.is_told = false;
    }
    original.words = kept(words_of(content));
    tool.cut = false;
    set_output(tool, output);
}

fn set_output(tool: &mut ToolCall, mut output: String) {
    if output.len() > LONGEST_OUTPUT {
        let from = output.ceil_char_boundary(output.len() - LONGEST_OUTPUT);
        output.drain(..from);
        tool.cut = true;
    }
    tool.output = output;
}

/// What an agent without content gives as output.
fn raw_text(output: &Value) -> Option<&str> {
    let keys = ["formatted_output", "output", "stdout", "text"];
    output
        .as_str()
        .or_else(|| keys.into_iter().find_map(|key| output.get(key)?.as_str()))
}

fn kind_of(kind: AcpKind) -> ToolKind {
    match kind {
        AcpKind::Read => ToolKind::Read,
        AcpKind::Edit => ToolKind::Edit,
        AcpKind::Delete => ToolKind::Delete,
        AcpKind::Move => ToolKind::Move,
        AcpKind::Search => ToolKind::Search,
        AcpKind::Execute => ToolKind::Execute,
        AcpKind::Think => ToolKind::Think,
        AcpKind::Fetch => ToolKind::Fetch,
        _ => ToolKind::Other,
    }
}

/// The changes to files among the content, with paths relative to the workspace where they lie inside.
fn shown_diffs(content: &[ToolCallContent], workspace: &Path) -> Vec<Diff> {
    let diffs = content.iter().filter_map(|block| match block {
        ToolCallContent::Diff(diff) => Some(Diff {
            path: relative(&diff.path, workspace),
            old: diff.old_text.clone(),
            new: diff.new_text.clone(),
            ..Diff::default()
        }),
        _ => None,
    });
    diffs.collect()
}

/// Diffs as text: what is taken away, what is put there. It is the detail of a request to change files.
pub fn describe_diffs(diffs: &[Diff]) -> String {
    let mut text = String::new();
    let mut put = |parts: &[&str]| parts.iter().for_each(|part| text.push_str(part));
    for diff in diffs {
        let kind = if diff.old.is_none() { "new file" } else { "change" };
        put(&[kind, ": ", &diff.path, "\n"]);
        let old = diff.old.as_deref().unwrap_or_default();
        old.lines().for_each(|line| put(&["-", line, "\n"]));
        diff.new.lines().for_each(|line| put(&["+", line, "\n"]));
    }
    text
}

pub(super) fn relative(path: &Path, workspace: &Path) -> String {
    path.strip_prefix(workspace)
        .unwrap_or(path)
        .to_string_lossy()
        .into_owned()
}

/// The agent's name of a call; a long one by its beginning and what tells it from others.
pub(crate) fn call_name(name: &str) -> String {
    if name.len() <= LONGEST_NAME {
        return name.to_owned();
    }
    let mut hasher = DefaultHasher::new();
    name.hash(&mut hasher);
    let head = &name[..name.floor_char_boundary(LONGEST_NAME)];
    format!("{head}…{:016x}", hasher.finish())
}

/// The first line, shortened to what fits in a status line.
pub(crate) fn brief(text: &str) -> String {
    let line = text.lines().next().unwrap_or_default().trim();
    if line.chars().count() <= 80 {
        return line.to_owned();
    }
    let short: String = line.chars().take(79).collect();
    format!("{short}…")
}

/// What has no place in an entry.
fn kept(all: Vec<String>) -> Part<Vec<String>> {
    if all.is_empty() {
        Part::Shown
    } else {
        Part::Kept(all)
    }
}

/// What an entry has of a text, and what it lacks.
fn head(text: String) -> (String, Part<String>) {
    if text.len() <= LONGEST_INPUT {
        return (text, Part::Shown);
    }
    let shown = format!("{}…", &text[..text.floor_char_boundary(LONGEST_INPUT)]);
    (shown, Part::Kept(text))
}
