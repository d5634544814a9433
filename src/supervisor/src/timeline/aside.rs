//! What an agent says of a call beside what goes into it and what it changes: words, pictures, files, places. Who is asked
//! about the call reads it, unless it stands in what is shown already.

use std::path::Path;

use agent_client_protocol::v1::schema::{
    ContentBlock, EmbeddedResourceResource, ToolCallContent, ToolCallLocation,
};

use super::tool::relative;

/// The blocks of a call's content other than changes; what is no text is named.
pub(super) fn words_of(content: &[ToolCallContent]) -> Vec<String> {
    let words = content.iter().filter_map(|block| match block {
        ToolCallContent::Content(content) => Some(block_words(&content.content)),
        ToolCallContent::Terminal(terminal) => {
            Some(format!("output of the terminal {}", terminal.terminal_id))
        }
        ToolCallContent::Diff(_) => None,
        _ => Some(UNKNOWN.to_owned()),
    });
    words.filter(|words| !words.trim().is_empty()).collect()
}

const UNKNOWN: &str = "something of a kind that this host does not know, and can't show";

fn block_words(block: &ContentBlock) -> String {
    match block {
        ContentBlock::Text(text) => text.text.clone(),
        ContentBlock::Image(image) => {
            let from = image
                .uri
                .as_deref()
                .map(|uri| format!(", {uri}"))
                .unwrap_or_default();
            format!(
                "an image that is not shown here: {}{from}",
                encoded(&image.mime_type, &image.data)
            )
        }
        ContentBlock::Audio(audio) => {
            format!(
                "a sound that is not played here: {}",
                encoded(&audio.mime_type, &audio.data)
            )
        }
        ContentBlock::ResourceLink(link) => {
            let about = link.description.as_deref().map(|about| format!("\n{about}"));
            format!("file: {} {}{}", link.name, link.uri, about.unwrap_or_default())
        }
        ContentBlock::Resource(resource) => match &resource.resource {
            EmbeddedResourceResource::TextResourceContents(file) => {
                format!("file: {}\n{}", file.uri, file.text)
            }
            EmbeddedResourceResource::BlobResourceContents(file) => {
                let kind = file.mime_type.as_deref().unwrap_or("unknown");
                format!(
                    "file that is not shown here: {}, {}",
                    file.uri,
                    encoded(kind, &file.blob)
                )
            }
            _ => UNKNOWN.to_owned(),
        },
        _ => UNKNOWN.to_owned(),
    }
}

/// What Base64 holds, in a few words.
fn encoded(kind: &str, base64: &str) -> String {
    format!("{kind}, {} bytes", base64.trim_end_matches('=').len() * 3 / 4)
}

/// Where a call is at work, relative to the workspace if it lies inside.
pub(super) fn shown_place(place: &ToolCallLocation, workspace: &Path) -> String {
    let path = relative(&place.path, workspace);
    match place.line {
        Some(line) => format!("{path}:{line}"),
        None => path,
    }
}

/// Adds to `shown` what does not stand in it.
pub(super) fn add(shown: &mut String, words: &[String], places: &[String]) {
    for words in words {
        let words = words.trim_end();
        if !stands_in(shown, words) {
            if !shown.is_empty() {
                shown.push_str(if shown.ends_with('\n') { "\n" } else { "\n\n" });
            }
            shown.push_str(words);
        }
    }
    for place in places {
        let path = place.rsplit_once(':').map_or(place.as_str(), |(path, _)| path);
        let is_told =
            shown.contains(place) || place != path && shown.lines().any(|line| line.ends_with(path));
        if !is_told {
            if !shown.is_empty() && !shown.ends_with('\n') {
                shown.push('\n');
            }
            shown.push_str("at: ");
            shown.push_str(place);
        }
    }
}

/// Whether these words are lines of what is shown, also set in as the value of a member.
fn stands_in(shown: &str, words: &str) -> bool {
    let begins = |before: &str| before.is_empty() || before.ends_with(['\n', ' ']);
    let ends = |after: &str| after.is_empty() || after.starts_with('\n');
    let found = |words: &str| {
        let mut places = shown.match_indices(words);
        places.any(|(at, _)| begins(&shown[..at]) && ends(&shown[at + words.len()..]))
    };
    found(words) || found(&words.replace('\n', "\n  "))
}
