//! Files that the agent offers: several in one message.

use conversation::Attachment;

use super::message::{Content, DesiredMessage, Key, OutFile};
use super::{Look, unattached, words};
use crate::discord::names;
use crate::discord::split::{LONGEST_MESSAGE, as_code, units};
use crate::harmless;

/// Discord takes no more in a message.
const MOST: usize = 10;
/// Left free for what stands below: how long the turn took, and why a file is not there.
const ROOM: usize = 600;

/// The files of a turn, or why they are not here: Discord takes so many bytes of all files of a message. Of a file that was
/// offered again, the last; what is sent is what it holds then.
pub(super) fn messages(files: &[(Key, &Attachment)], look: &Look) -> Vec<DesiredMessage> {
    let mut out: Vec<DesiredMessage> = vec![];
    let mut bytes = 0;
    for (at, (key, file)) in files.iter().enumerate() {
        if files[at + 1..].iter().any(|(_, later)| later.path == file.path) {
            continue;
        }
        let kept = kept(*key, file, look);
        let line = line(file, kept.as_deref());
        let size = if kept.is_some() { 0 } else { file.size };
        let fits = |message: &&mut DesiredMessage| {
            message.files.len() < MOST
                && bytes + size <= look.upload_limit
                && units(&message.content) + 1 + units(&line) <= LONGEST_MESSAGE - ROOM
        };
        let message = if let Some(last) = out.last_mut().filter(fits) {
            last.content.push('\n');
            last.content.push_str(&line);
            last
        } else {
            bytes = 0;
            out.push(DesiredMessage::new(*key, line));
            let Some(new) = out.last_mut() else { continue };
            new
        };
        bytes += size;
        if kept.is_none() {
            message.files.push(OutFile {
                name: names::file_name(&file.name),
                content: Content::Workspace {
                    path: file.path.clone(),
                    size: file.size,
                },
            });
        }
    }
    out
}

/// Why a file stays where it is.
fn kept(key: Key, file: &Attachment, look: &Look) -> Option<String> {
    if !look.attaches_to(key) {
        return Some(unattached::LACKS.to_owned());
    }
    let limit = look.upload_limit;
    (file.size > limit).then(|| format!("Discord takes {} here", words::bytes(limit)))
}

fn line(file: &Attachment, kept: Option<&str>) -> String {
    let name = as_code(&harmless::line(&file.name, 120));
    let size = words::bytes(file.size);
    match kept {
        None => format!("📎 {name} ({size})"),
        Some(why) => {
            let path = as_code(&harmless::line(&file.path, 300));
            format!("📎 {name} is {size}, and {why}. It stays in the workspace: {path}")
        }
    }
}
