//! Markdown of an agent, made into HTML that can do nothing but be read.
//!
//! Two fences: raw HTML never gets through the event filter (it is shown as the text it is), and ammonia lets pass only
//! the elements, attributes and addresses that the filter makes.

use std::collections::{HashMap, HashSet};

use conversation::ThreadId;
use pulldown_cmark::{
    BrokenLink, CodeBlockKind, CowStr, Event, HeadingLevel, LinkType, Options, Parser, Tag, TagEnd,
    TextMergeStream, html,
};

use super::{file_path, harmless};
use fence::is_outside;

mod fence;

/// Elements inside each other; what is deeper loses its element, not its words. Browsers fall over at 512.
const DEEPEST: usize = 40;

/// Targets of reference links (`[label]: url`) by their folded label.
pub(super) type Definitions = HashMap<String, String>;

/// How one part of a text came out.
#[derive(Debug, Default)]
pub(super) struct Rendered {
    /// The HTML.
    pub(super) html: String,
    /// Labels that were used like references and have no definition yet.
    pub(super) unresolved: HashSet<String>,
}

/// Renders whole blocks. `thread` is whose workspace relative links and images mean.
pub(super) fn render(text: &str, thread: &ThreadId, definitions: &Definitions) -> Rendered {
    let text = harmless::dropped(text);
    let mut unresolved = HashSet::new();
    let resolve = |link: BrokenLink| {
        let label = fold(&link.reference);
        let found = definitions
            .get(&label)
            .map(|url| (CowStr::from(url.clone()), CowStr::from("")));
        if found.is_none() {
            unresolved.insert(label);
        }
        found
    };
    let options = Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH | Options::ENABLE_TASKLISTS;
    let parser = Parser::new_with_broken_link_callback(&text, options, Some(resolve));
    let mut filter = Filter {
        thread,
        open: vec![],
        links: 0,
        code: false,
    };
    let mut events = vec![];
    for event in TextMergeStream::new(parser) {
        filter.pass(event, &mut events);
    }
    let mut dirty = String::with_capacity(text.len() * 3 / 2);
    html::push_html(&mut dirty, events.into_iter());
    Rendered {
        html: fence::clean(dirty),
        unresolved,
    }
}

/// Labels match without regard to case and inner space (`CommonMark` §4.7).
pub(super) fn fold(label: &str) -> String {
    label
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ")
        .to_lowercase()
}

/// Lets through the events that may be, in the form that they may have.
struct Filter<'a> {
    thread: &'a ThreadId,
    /// For each open element: what its end becomes.
    open: Vec<Closing>,
    links: usize,
    code: bool,
}

/// What the end of an element becomes.
#[derive(Debug, Clone, Copy)]
enum Closing {
    /// Its own end.
    Same(TagEnd),
    /// Its own end, and that of the box around it.
    Boxed(TagEnd),
    /// The end of a code block that we opened ourselves.
    Code,
    /// Nothing.
    Gone,
}

impl Filter<'_> {
    fn pass<'e>(&mut self, event: Event<'e>, out: &mut Vec<Event<'e>>) {
        match event {
            Event::Start(tag) => self.start(tag, out),
            Event::End(_) => self.end(out),
            Event::InlineHtml(html) if is_break(&html) => out.push(Event::HardBreak),
            Event::Html(html) | Event::InlineHtml(html) => out.push(Event::Text(html)),
            Event::Text(text) if !self.code && self.links == 0 => linkify(text, out),
            Event::TaskListMarker(done) => out.push(Event::Html(CowStr::from(if done {
                r#"<input class="task" type="checkbox" disabled="" checked="" aria-label="Done">"#
            } else {
                r#"<input class="task" type="checkbox" disabled="" aria-label="To do">"#
            }))),
            Event::Text(_) | Event::Code(_) | Event::SoftBreak | Event::HardBreak | Event::Rule => {
                out.push(event);
            }
            // Not switched on.
            Event::InlineMath(text) | Event::DisplayMath(text) | Event::FootnoteReference(text) => {
                out.push(Event::Text(text));
            }
        }
    }

    fn start<'e>(&mut self, tag: Tag<'e>, out: &mut Vec<Event<'e>>) {
        let closing = if self.open.len() >= DEEPEST {
            Closing::Gone
        } else {
            self.opened(tag, out)
        };
        self.open.push(closing);
    }

    fn opened<'e>(&mut self, tag: Tag<'e>, out: &mut Vec<Event<'e>>) -> Closing {
        let tag = match tag {
            Tag::CodeBlock(kind) => {
                self.code = true;
                let _ = matches!(kind, CodeBlockKind::Fenced(_));
                out.push(Event::Html(CowStr::from(r#"<pre tabindex="0"><code>"#)));
                return Closing::Code;
            }
            Tag::HtmlBlock => Tag::Paragraph,
            // The page's own headings are above.
            Tag::Heading { level, .. } => Tag::Heading {
                level: match level {
                    HeadingLevel::H1 => HeadingLevel::H3,
                    HeadingLevel::H2 => HeadingLevel::H4,
                    HeadingLevel::H3 => HeadingLevel::H5,
                    _ => HeadingLevel::H6,
                },
                id: None,
                classes: vec![],
                attrs: vec![],
            },
            Tag::Table(columns) => {
                out.push(Event::Html(CowStr::from(r#"<div class="scroll" tabindex="0">"#)));
                let tag = Tag::Table(columns);
                let end = tag.to_end();
                out.push(Event::Start(tag));
                return Closing::Boxed(end);
            }
            Tag::Link {
                dest_url, link_type, ..
            } => match self.target(&dest_url, link_type) {
                Some(url) if self.links == 0 => link(url),
                _ => {
                    // Counted all the same, so that no link is made of its words.
                    self.links += 1;
                    return Closing::Gone;
                }
            },
            Tag::Image {
                dest_url, link_type, ..
            } => match self.target(&dest_url, link_type) {
                Some(url) if url.starts_with("/t/") => Tag::Image {
                    link_type: LinkType::Inline,
                    dest_url: url.into(),
                    title: CowStr::from(""),
                    id: CowStr::from(""),
                },
                // A picture from elsewhere would tell its server who reads this and when.
                Some(url) if self.links == 0 => link(url),
                _ => return Closing::Gone,
            },
            other => other,
        };
        if matches!(tag, Tag::Link { .. }) {
            self.links += 1;
        }
        let end = tag.to_end();
        out.push(Event::Start(tag));
        Closing::Same(end)
    }

    fn end(&mut self, out: &mut Vec<Event<'_>>) {
        match self.open.pop() {
            Some(Closing::Same(end)) => {
                if matches!(end, TagEnd::Link) {
                    self.links = 0;
                }
                out.push(Event::End(end));
            }
            Some(Closing::Boxed(end)) => {
                out.push(Event::End(end));
                out.push(Event::Html(CowStr::from("</div>")));
            }
            Some(Closing::Code) => {
                self.code = false;
                out.push(Event::Html(CowStr::from("</code></pre>")));
            }
            Some(Closing::Gone) | None => self.links = 0,
        }
    }

    /// Where a link may lead: to the web, or to a file of this thread's workspace.
    fn target(&self, url: &str, kind: LinkType) -> Option<String> {
        if kind == LinkType::Email {
            return Some(format!("mailto:{url}")).filter(|url| is_outside(url));
        }
        if is_outside(url) {
            return Some(url.to_owned());
        }
        let ours = file_path(self.thread, "");
        let (path, whole) = match url.strip_prefix(&ours) {
            Some(rest) => (rest, true),
            None => (url, false),
        };
        // A scheme, another host, a query, an anchor, an absolute path, a point that hides: not a file of the workspace.
        let is_file = !path.is_empty()
            && !path.starts_with(['/', '\\', '#', '?'])
            && !path.contains(['\\', '?', '#'])
            && (whole || !path.contains(':'))
            && !path.contains(char::is_control)
            && !path.to_ascii_lowercase().contains("%2e")
            && !(whole && path.contains(".."));
        is_file.then(|| file_path(self.thread, &decoded(path)))
    }
}

fn link<'e>(url: String) -> Tag<'e> {
    Tag::Link {
        link_type: LinkType::Inline,
        dest_url: url.into(),
        title: CowStr::from(""),
        id: CowStr::from(""),
    }
}

fn is_break(html: &str) -> bool {
    matches!(html.to_ascii_lowercase().replace([' ', '/'], "").as_str(), "<br>")
}

/// Percent-decoded where that gives UTF-8; `file_path` encodes it again and drops dotted parts.
fn decoded(url: &str) -> String {
    let mut bytes = Vec::with_capacity(url.len());
    let mut rest = url.as_bytes();
    while let Some((first, tail)) = rest.split_first() {
        let code = tail.get(..2).and_then(|hex| std::str::from_utf8(hex).ok());
        match code.and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
            Some(byte) if *first == b'%' => {
                bytes.push(byte);
                rest = &tail[2..];
            }
            _ => {
                bytes.push(*first);
                rest = tail;
            }
        }
    }
    String::from_utf8(bytes).unwrap_or_else(|_| url.to_owned())
}

/// Makes links of bare addresses, which models write all the time.
fn linkify<'e>(text: CowStr<'e>, out: &mut Vec<Event<'e>>) {
    if !text.contains("://") {
        return out.push(Event::Text(text));
    }
    let mut from = 0;
    let mut search = 0;
    while let Some(at) = text[search..].find("http").map(|at| at + search) {
        search = at + 4;
        let starts = text[at..].starts_with("https://") || text[at..].starts_with("http://");
        let alone = !text[..at].chars().next_back().is_some_and(char::is_alphanumeric);
        if !(starts && alone) {
            continue;
        }
        let url = address(&text[at..]);
        if url.len() <= "https://".len() {
            continue;
        }
        if at > from {
            out.push(Event::Text(text[from..at].to_owned().into()));
        }
        out.push(Event::Start(link(url.to_owned())));
        out.push(Event::Text(url.to_owned().into()));
        out.push(Event::End(TagEnd::Link));
        from = at + url.len();
        search = from;
    }
    if from < text.len() {
        out.push(Event::Text(text[from..].to_owned().into()));
    }
}

/// The address that `text` begins with, without the punctuation of the sentence around it.
fn address(text: &str) -> &str {
    let end = text
        .find(|letter: char| letter.is_whitespace() || letter.is_control() || "<>\"'`|".contains(letter))
        .unwrap_or(text.len());
    let mut url = text[..end].trim_end_matches(['.', ',', ';', ':', '!', '?', '*', '_']);
    while url.ends_with(')') && url.matches(')').count() > url.matches('(').count() {
        url = url[..url.len() - 1].trim_end_matches(['.', ',', ';', ':', '!', '?']);
    }
    url
}

#[cfg(test)]
mod tests;
