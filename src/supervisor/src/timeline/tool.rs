//! Tool calls: what agents report about them, in the words and bounds of our timeline.

use std::path::Path;

use agent_client_protocol::v1::schema::{
    ContentBlock, ToolCallContent, ToolCallStatus, ToolCallUpdate, ToolCallUpdateFields, ToolKind as AcpKind,
};
use conversation::{Body, Diff, ToolCall, ToolKind, ToolStatus};
use credentials::Timestamp;
use serde_json::Value;

use super::{After, Ids, Live, MOST_UNFINISHED, Timeline};

/// Bytes of output that are kept: the last ones.
const LONGEST_OUTPUT: usize = 64 * 1024;

/// Bytes of a title or of what goes in that are kept in the timeline. (What a permission shows is never shortened.)
const LONGEST_INPUT: usize = 16 * 1024;

/// Diffs with more bytes than this are left out of the timeline, and the output says so.
const LONGEST_DIFF: usize = 256 * 1024;

/// Bytes of all diffs of one call that are kept: the first ones.
const LONGEST_DIFFS: usize = 512 * 1024;

impl Timeline {
    /// A tool call is new, or more is known about it.
    pub(super) fn tool(&mut self, update: ToolCallUpdate, now: Timestamp, ids: Ids<'_>) -> After {
        let call = update.tool_call_id.to_string();
        let is_it = |body: &Body| matches!(body, Body::Tool(tool) if tool.call == call);
        let known = self
            .live
            .iter()
            .rposition(|live| !live.sealed && is_it(&live.item.body));
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
        merge(tool, update.fields, &workspace, now);
        let is_over = matches!(
            tool.status,
            ToolStatus::Completed | ToolStatus::Failed | ToolStatus::Cut
        );
        if tool.status != before || known.is_none() {
            after.publish = true;
            after.write = true;
            after.doing = Some(match (is_over, tool.kind) {
                (true, _) => "thinking".to_owned(),
                (false, ToolKind::Execute) => format!("running {}", brief(&tool.input)),
                (false, _) => brief(&tool.title),
            });
        }
        live.done = is_over;
        live.touch();
        after
    }

    /// Makes room for one more call among those that have not ended, so that an agent that ends none can't fill the memory.
    fn cut_oldest(&mut self, now: Timestamp) {
        let is_unfinished = |live: &&mut Live| matches!(live.item.body, Body::Tool(_)) && !live.done;
        if self.live.iter_mut().filter(is_unfinished).count() < MOST_UNFINISHED {
            return;
        }
        if let Some(live) = self.live.iter_mut().find(is_unfinished)
            && let Body::Tool(tool) = &mut live.item.body
        {
            tool.status = ToolStatus::Cut;
            tool.ended = Some(now);
            live.done = true;
            live.touch();
        }
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

fn merge(tool: &mut ToolCall, fields: ToolCallUpdateFields, workspace: &Path, now: Timestamp) {
    if let Some(kind) = fields.kind {
        tool.kind = kind_of(kind);
    }
    if let Some(input) = fields.raw_input.as_ref().and_then(shown_input) {
        tool.input = head(&input, LONGEST_INPUT);
    }
    if let Some(title) = fields.title {
        tool.title = head(&title, LONGEST_INPUT);
    }
    if tool.input.is_empty()
        && let Some(place) = fields.locations.as_ref().and_then(|places| places.first())
    {
        tool.input = relative(&place.path, workspace);
    }
    if let Some(content) = fields.content {
        take_content(tool, &content, workspace);
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
    match tool.status {
        ToolStatus::Pending => {}
        ToolStatus::Running => {
            tool.started.get_or_insert(now);
        }
        ToolStatus::Completed | ToolStatus::Failed | ToolStatus::Cut => {
            tool.started.get_or_insert(now);
            tool.ended.get_or_insert(now);
        }
    }
}

/// ACP: new content replaces the old as a whole.
fn take_content(tool: &mut ToolCall, content: &[ToolCallContent], workspace: &Path) {
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
    let mut total = 0_usize;
    let (fitting, large): (Vec<_>, Vec<_>) = diffs.into_iter().partition(|diff| {
        let fits = size(diff) <= LONGEST_DIFF.min(LONGEST_DIFFS - total);
        total += if fits { size(diff) } else { 0 };
        fits
    });
    for diff in large {
        output.push_str("\n(the change to ");
        output.push_str(&diff.path);
        output.push_str(" is too large to be shown)");
    }
    // An agent that reports the output of a change need not repeat the change.
    if !fitting.is_empty() {
        tool.diffs = fitting;
    }
    tool.cut = false;
    set_output(tool, output);
}

/// Also what is empty takes room.
fn size(diff: &Diff) -> usize {
    size_of::<Diff>() + diff.path.len() + diff.new.len() + diff.old.as_ref().map_or(0, String::len)
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

/// What goes in, for people: the command line, the path, the pattern; else all of it as JSON. `None` for nothing.
pub(crate) fn shown_input(input: &Value) -> Option<String> {
    if let Some(text) = input.as_str() {
        return Some(text.to_owned());
    }
    let object = input.as_object().filter(|object| !object.is_empty())?;
    if let Some(command) = ["command", "cmd"].into_iter().find_map(|key| object.get(key)) {
        match command {
            Value::String(line) => return Some(line.clone()),
            Value::Array(words) if words.iter().all(Value::is_string) => {
                let words: Vec<_> = words.iter().filter_map(Value::as_str).map(quoted).collect();
                return Some(words.join(" "));
            }
            _ => {}
        }
    }
    let names = ["path", "file_path", "filePath", "pattern", "query", "url"];
    let found = names.into_iter().find_map(|key| object.get(key)?.as_str());
    found
        .map(str::to_owned)
        .or_else(|| serde_json::to_string_pretty(input).ok())
}

/// A word as a shell would need it, so that what is shown can't be read in two ways.
fn quoted(word: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_./:=@%+,".contains(&byte);
    if !word.is_empty() && word.bytes().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

/// The changes to files among the content, with paths relative to the workspace where they lie inside.
pub(crate) fn shown_diffs(content: &[ToolCallContent], workspace: &Path) -> Vec<Diff> {
    let diffs = content.iter().filter_map(|block| match block {
        ToolCallContent::Diff(diff) => Some(Diff {
            path: relative(&diff.path, workspace),
            old: diff.old_text.clone(),
            new: diff.new_text.clone(),
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

fn relative(path: &Path, workspace: &Path) -> String {
    path.strip_prefix(workspace)
        .unwrap_or(path)
        .to_string_lossy()
        .into_owned()
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

fn head(text: &str, limit: usize) -> String {
    if text.len() <= limit {
        return text.to_owned();
    }
    format!("{}…", &text[..text.floor_char_boundary(limit)])
}
