//! Files that the agent offers.

use conversation::{Attachment, Item};

use super::message::{Content, DesiredMessage, Key, OutFile};
use super::{Look, unattached, words};
use crate::discord::names;
use crate::discord::split::as_code;
use crate::harmless;

/// The file, or why it is not here.
pub(super) fn file(item: &Item, file: &Attachment, look: &Look) -> DesiredMessage {
    let (key, limit) = (Key::of(item), look.upload_limit);
    let name = as_code(&harmless::line(&file.name, 120));
    let size = words::bytes(file.size);
    let path = || as_code(&harmless::line(&file.path, 300));
    if !look.attaches(item) {
        let (why, path) = (unattached::LACKS, path());
        return DesiredMessage::new(
            key,
            format!("📎 {name} ({size})\n-# ⚠️ {why}: it stays in the workspace: {path}"),
        );
    }
    if file.size > limit {
        let path = path();
        let limit = words::bytes(limit);
        return DesiredMessage::new(
            key,
            format!("📎 {name} is {size}, and Discord takes {limit} here. It stays in the workspace: {path}"),
        );
    }
    let mut message = DesiredMessage::new(key, format!("📎 {name} ({size})"));
    message.files.push(OutFile {
        name: names::file_name(&file.name),
        content: Content::Workspace {
            path: file.path.clone(),
            size: file.size,
        },
    });
    message
}
