//! Files: from a message into the workspace, and from the workspace into a message.

use std::io::Read as _;
use std::time::Duration;

use conversation::{Attachment, ThreadId};
use serenity::all::{Attachment as Given, CreateAttachment};

use super::bot::Bot;
use super::names;
use super::render::{self, Content, OutFile};
use super::rest::Trouble;
use crate::harmless;
use crate::web::{media, workspace};

/// The largest file that is taken in, in bytes.
const MOST: u64 = 25 << 20;

/// So much of the names of files that are not there, in characters.
const NAMES: usize = 200;

/// Between two tries to download one.
const PAUSES: [Duration; 2] = [Duration::from_millis(500), Duration::from_secs(2)];

/// Downloads a file of a message into the workspace. Again, after a host that was killed meanwhile, it is the same file.
///
/// Errors: why not, for the one who sent it.
pub(super) async fn take(bot: &Bot, thread: &ThreadId, file: &Given) -> Result<Attachment, String> {
    let name = names::file_name(&file.filename);
    let shown = harmless::line(&file.filename, 80).replace('`', "'");
    let size = u64::from(file.size);
    if size > MOST {
        return Err(format!(
            "⚠️ `{shown}` has {} MiB, and I take files up to {} MiB. I go on without it.",
            size >> 20,
            MOST >> 20
        ));
    }
    let failed = |why: String| {
        tracing::warn!(file = %shown, %why, "a file could not be taken in");
        format!(
            "⚠️ I could not take in `{shown}`: {why}. I go on without it; send it once more if it matters."
        )
    };
    let folder = bot.house.supervisor.workspace(thread).await;
    let folder = folder.map_err(|error| failed(error.to_string()))?;
    let content = download(bot, &file.url).await.map_err(failed)?;
    let size = content.len() as u64;
    let wanted = name.clone();
    let put = tokio::task::spawn_blocking(move || workspace::put_once(&folder, &wanted, &content)).await;
    let path = put
        .map_err(|error| failed(error.to_string()))?
        .map_err(|error| failed(error.to_string()))?;
    let mime = media::of_name(&name).to_owned();
    Ok(Attachment {
        name,
        path,
        size,
        mime,
    })
}

/// What is at this address. What may be better in a moment is tried again, a few times: the message waits for it.
async fn download(bot: &Bot, url: &str) -> Result<Vec<u8>, String> {
    let mut pauses = PAUSES.into_iter();
    loop {
        let trouble = match bot.rest.download(url, MOST).await {
            Ok(content) => return Ok(content),
            Err(trouble) => trouble,
        };
        let is_final = matches!(trouble, Trouble::Refused { status: 400..=428 | 430..=499, .. });
        match pauses.next().filter(|_| !is_final) {
            Some(pause) => tokio::time::sleep(pause).await,
            None => {
                return Err(match trouble {
                    Trouble::Refused { status, message, .. } => format!("{message} ({status})"),
                    trouble => trouble.to_string(),
                });
            }
        }
    }
}

/// Files as they are sent, together no larger than `limit` bytes; and in a line why some are not sent.
pub(super) async fn give(
    bot: &Bot,
    thread: &ThreadId,
    files: &[OutFile],
    limit: u64,
) -> (Vec<CreateAttachment>, Vec<String>) {
    let mut out = vec![];
    let (mut gone, mut large) = (vec![], vec![]);
    let mut left = limit;
    for file in files {
        let content = match &file.content {
            Content::Text(text) => Some(text.clone().into_bytes()),
            Content::Workspace { path, .. } => read(bot, thread, path.clone(), left).await,
        };
        match content {
            Some(content) if content.len() as u64 <= left => {
                left -= content.len() as u64;
                out.push(CreateAttachment::bytes(content, file.name.clone()));
            }
            Some(_) => large.push(file.name.as_str()),
            None => gone.push(file.name.as_str()),
        }
    }
    let limit = render::bytes(limit);
    let words = |names: &[&str], what: &str| match names {
        [] => None,
        [_] if files.len() == 1 => Some(format!("The file {what}")),
        names => {
            let names = names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>();
            Some(format!("{} {what}", harmless::line(&names.join(", "), NAMES)))
        }
    };
    let large = words(&large, &format!("is too large: Discord takes {limit} here."));
    let missing = large.into_iter().chain(words(&gone, "is no longer there."));
    (out, missing.collect())
}

/// A file of a workspace, up to one byte more than `limit`; `None`: it can't be read.
async fn read(bot: &Bot, thread: &ThreadId, path: String, limit: u64) -> Option<Vec<u8>> {
    let folder = bot.house.supervisor.workspace(thread).await.ok()?;
    let read = tokio::task::spawn_blocking(move || {
        let mut content = vec![];
        workspace::open(&folder, &path)?
            .take(limit + 1)
            .read_to_end(&mut content)?;
        Ok::<_, std::io::Error>(content)
    });
    read.await.ok()?.ok()
}
