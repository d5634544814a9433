//! Files on their way into a workspace: taken in first, put into a thread's workspace with the message that names them.
//!
//! What is taken in is kept for a day, so that a message that is sent again, even after a restart, finds its files.

use std::path::{Path, PathBuf};
use std::time::Duration;

use axum::http::StatusCode;
use conversation::{Attachment, ThreadId};
use credentials::{Timestamp, UserId};
use dashmap::DashMap;
use serde::{Deserialize, Serialize};

use super::private_file::{self, FileError};
use super::refusal::Refused;
use super::{media, random, workspace};

mod receive;
#[cfg(test)]
mod tests;

pub(crate) use receive::{PATIENCE, forget, receive};

/// Where they are kept in the state folder.
const FOLDER: &str = "uploads";

/// What nobody sent a message with is removed after this.
const LIFE: Duration = Duration::from_hours(24);

/// Unsent files of one person take so many times the largest one; empty ones count as well.
const WAITING: u64 = 8;
const MOST_WAITING: usize = 100;

/// Files of one message, or of one request.
pub(crate) const MOST_FILES: usize = 20;

/// The longest name in bytes that is kept.
const MAX_NAME: usize = 120;

/// All that is on its way.
pub(crate) struct Uploads {
    folder: PathBuf,
    /// The largest file in bytes.
    pub(crate) limit: u64,
    known: DashMap<String, Upload>,
    /// One message at a time finds out which of its files are placed.
    placing: tokio::sync::Mutex<()>,
}

/// A file that was taken in.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Upload {
    /// Names it.
    pub(crate) id: String,
    /// Who brought it; nobody else can send it.
    user: UserId,
    /// Its name, harmless.
    pub(crate) name: String,
    /// Bytes.
    pub(crate) size: u64,
    #[serde(rename = "created_ms")]
    created: Timestamp,
    /// Where it went.
    placed: Option<(ThreadId, Attachment)>,
}

impl Uploads {
    /// Finds what an earlier host took in. Blocking.
    pub(crate) fn open(state_folder: &Path, limit: u64) -> Result<Self, FileError> {
        let folder = state_folder.join(FOLDER);
        private_file::make_folder(&folder)?;
        let known = DashMap::new();
        for entry in std::fs::read_dir(&folder).map_err(FileError::io("list", &folder))? {
            let path = entry.map_err(FileError::io("list", &folder))?.path();
            let is_note = path.extension().is_some_and(|ending| ending == "json");
            match private_file::read::<Upload>(&path) {
                Ok(Some(upload)) if is_note => drop(known.insert(upload.id.clone(), upload)),
                // Content without a note is swept with what it belongs to, or here.
                _ if path.with_extension("json").exists() => {}
                _ => drop(std::fs::remove_file(&path)),
            }
        }
        Ok(Self {
            folder,
            limit,
            known,
            placing: tokio::sync::Mutex::default(),
        })
    }

    /// Whether this person can send these files, before anything is made for them.
    pub(crate) fn check(&self, user: &UserId, ids: &[String]) -> Result<(), Refused> {
        if ids.len() > MOST_FILES {
            return Err(Refused::bad(format!("a message has {MOST_FILES} files at most")));
        }
        ids.iter().try_for_each(|id| self.find(user, id).map(drop))
    }

    fn find(&self, user: &UserId, id: &str) -> Result<Upload, Refused> {
        let upload = self.known.get(id).map(|upload| upload.clone());
        upload.filter(|upload| upload.user == *user).ok_or_else(|| {
            Refused::new(StatusCode::GONE, "a file of this message is not here any more")
                .hint("attach it again")
        })
    }

    /// Puts these files of this person into a workspace; asked again, it gives the same answer.
    pub(crate) async fn place(
        &self,
        user: &UserId,
        ids: &[String],
        thread: &ThreadId,
        workspace: PathBuf,
    ) -> Result<Vec<Attachment>, Refused> {
        self.check(user, ids)?;
        let _one = self.placing.lock().await;
        let mut placed = Vec::with_capacity(ids.len());
        for id in ids {
            let upload = self.find(user, id)?;
            placed.push(match &upload.placed {
                Some((known, attachment)) if known == thread => attachment.clone(),
                Some(_) => return Err(Refused::bad("a file of this message was sent to another thread")),
                None => self.place_one(upload, thread, &workspace).await?,
            });
        }
        Ok(placed)
    }

    async fn place_one(
        &self,
        mut upload: Upload,
        thread: &ThreadId,
        workspace: &Path,
    ) -> Result<Attachment, Refused> {
        let (content, note) = (self.content(&upload.id), self.note(&upload.id));
        let (workspace, thread) = (workspace.to_owned(), thread.clone());
        let work = tokio::task::spawn_blocking(move || {
            let mut file = std::fs::File::open(&content)?;
            let path = workspace::put(&workspace, &upload.name, &mut file)?;
            let name = path.rsplit_once('/').map_or(&*path, |(_, name)| name).to_owned();
            let mime = media::of_name(&name).to_owned();
            let attachment = Attachment {
                name,
                path,
                size: upload.size,
                mime,
            };
            upload.placed = Some((thread, attachment.clone()));
            private_file::write(&note, &upload).map_err(std::io::Error::other)?;
            // It is in the workspace now.
            drop(std::fs::remove_file(&content));
            Ok::<_, std::io::Error>((upload, attachment))
        });
        let (upload, attachment) = work
            .await
            .unwrap_or_else(|error| Err(std::io::Error::other(error)))
            .map_err(|error| Refused::broken("put a file into the workspace", &error))?;
        self.known.insert(upload.id.clone(), upload);
        Ok(attachment)
    }

    /// Removes what is too old.
    pub(crate) async fn sweep(&self) {
        let now = Timestamp::now();
        let old = |upload: &Upload| now.since(upload.created) > LIFE;
        let ids: Vec<String> = self
            .known
            .iter()
            .filter(|entry| old(entry))
            .map(|entry| entry.id.clone())
            .collect();
        for id in ids {
            self.remove(&id).await;
        }
    }

    /// Forgets the oldest unsent files of this person until what is left is not too much; never the one named `newest`.
    async fn make_room(&self, user: &UserId, newest: &str) {
        let _one = self.placing.lock().await;
        let mut unsent: Vec<Upload> = self
            .known
            .iter()
            .filter(|entry| entry.user == *user && entry.placed.is_none() && entry.id != newest)
            .map(|entry| entry.clone())
            .collect();
        unsent.sort_by_key(|upload| std::cmp::Reverse(upload.created));
        let mut bytes = self.known.get(newest).map_or(0, |upload| upload.size);
        for (at, upload) in unsent.iter().enumerate() {
            bytes += upload.size;
            if at + 1 >= MOST_WAITING || bytes > self.limit * WAITING {
                tracing::info!(%user, id = upload.id, "an unsent file made room for a newer one");
                self.remove(&upload.id).await;
            }
        }
    }

    /// Forgets a file of this person that will not be sent. What was sent stays known, so that its message can be sent
    /// again; of somebody else's file nothing is told.
    async fn forget(&self, user: &UserId, id: &str) {
        let _one = self.placing.lock().await;
        if self.find(user, id).is_ok_and(|upload| upload.placed.is_none()) {
            self.remove(id).await;
        }
    }

    async fn remove(&self, id: &str) {
        self.known.remove(id);
        for path in [self.content(id), self.note(id)] {
            match tokio::fs::remove_file(&path).await {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                    tracing::warn!(%error, path = %path.display(), "an upload could not be removed");
                }
                _ => {}
            }
        }
    }

    /// The id is ours, and so are the characters in it.
    fn content(&self, id: &str) -> PathBuf {
        self.folder.join(format!("{id}.data"))
    }

    fn note(&self, id: &str) -> PathBuf {
        self.folder.join(format!("{id}.json"))
    }
}

/// A name that is only a name: no folders, nothing that hides or confuses, not endless; the ending stays.
pub(crate) fn harmless_name(given: &str) -> String {
    let last = given
        .rsplit(['/', '\\'])
        .find(|part| !part.trim_matches(['.', ' ']).is_empty())
        .unwrap_or_default();
    let plain: String = last
        .chars()
        .map(|letter| match letter {
            letter if letter.is_alphanumeric() && !letter.is_control() => letter,
            '.' | '-' | '_' | '+' | '@' | '(' | ')' | ',' | '=' | '~' | '#' => letter,
            _ => '_',
        })
        .collect();
    // A name that begins with a point is hidden, one that begins with a dash is taken for an option.
    let plain = plain.trim_start_matches(['.', '-']).trim_end_matches('.');
    let plain = if plain.is_empty() { "file" } else { plain };
    let (stem, ending) = match plain.rsplit_once('.') {
        Some((stem, ending)) if ending.len() <= 16 && !stem.is_empty() => (stem, format!(".{ending}")),
        _ => (plain, String::new()),
    };
    let mut end = stem.len().min(MAX_NAME - ending.len());
    while !stem.is_char_boundary(end) {
        end -= 1;
    }
    format!("{}{ending}", &stem[..end])
}

fn new_upload(user: &UserId) -> Upload {
    Upload {
        id: random::name(),
        user: user.clone(),
        name: String::new(),
        size: 0,
        created: Timestamp::now(),
        placed: None,
    }
}
