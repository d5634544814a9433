//! Files that the agent offers.

use conversation::Attachment;

use super::message::{Content, DesiredMessage, Key, OutFile};
use super::words;
use crate::discord::names;
use crate::discord::split::as_code;
use crate::harmless;

/// The file, or why it is not here.
pub(super) fn file(key: Key, file: &Attachment, limit: u64) -> DesiredMessage {
    let name = as_code(&harmless::line(&file.name, 120));
    let size = words::bytes(file.size);
    if file.size > limit {
        let path = as_code(&harmless::line(&file.path, 300));
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
