//! Taking files in from a form.

use std::sync::Arc;

use axum::Json;
use axum::extract::multipart::Field;
use axum::extract::{Multipart, Query, State};
use axum::http::StatusCode;
use serde::Deserialize;
use tokio::io::AsyncWriteExt as _;

use super::{MOST_FILES, Upload, harmless_name, new_upload};
use crate::web::gate::Visitor;
use crate::web::media;
use crate::web::private_file::{self, FileError};
use crate::web::refusal::Refused;
use crate::web::shared::Web;
use crate::web::view::Uploaded;

/// Unsent files of one person take so many times the largest one.
const WAITING: u64 = 8;

/// So many times the limit is read and dropped before the connection is: a browser shows the answer only to a request that
/// it could send whole.
pub(crate) const PATIENCE: u64 = 8;

#[derive(Deserialize)]
pub(crate) struct For {
    thread: Option<String>,
}

/// `POST /api/uploads?thread={id|new}`
pub(crate) async fn receive(
    State(web): State<Arc<Web>>,
    visitor: Visitor,
    Query(wanted): Query<For>,
    mut form: Multipart,
) -> Result<Json<Vec<Uploaded>>, Refused> {
    match wanted.thread.as_deref() {
        None | Some("new") => {}
        Some(thread) => drop(web.thread(&visitor.person, thread).await?),
    }
    let mut taken: Vec<Upload> = vec![];
    let mut refused = None;
    while let Some(field) = form.next_field().await? {
        if field.file_name().is_none() {
            continue;
        }
        if taken.len() == MOST_FILES {
            refused = Some(Refused::bad(format!("{MOST_FILES} files at a time, at most")));
        }
        // What is refused is read to its end all the same, so that the answer is seen.
        match web.take_in(&visitor, field, refused.is_some()).await {
            Ok(upload) => taken.extend(upload),
            Err(error) => refused = Some(error),
        }
    }
    if let Some(refused) = refused {
        for upload in &taken {
            web.uploads.forget(&upload.id).await;
        }
        return Err(refused);
    }
    let shown = |upload: &Upload| Uploaded {
        id: upload.id.clone(),
        name: upload.name.clone(),
        size: upload.size,
        mime: media::of_name(&upload.name).to_owned(),
    };
    Ok(Json(taken.iter().map(shown).collect()))
}

impl Web {
    async fn take_in(
        &self,
        visitor: &Visitor,
        mut field: Field<'_>,
        only_drop: bool,
    ) -> Result<Option<Upload>, Refused> {
        let (user, limit) = (&visitor.person.user, self.uploads.limit);
        let mut upload = new_upload(user);
        upload.name = harmless_name(field.file_name().unwrap_or_default());
        let room = (limit * WAITING).saturating_sub(self.uploads.waiting(user));
        let path = self.uploads.content(&upload.id);
        let broken = |error| Refused::broken("keep the file", &FileError::io("write", &path)(error));
        let mut options = tokio::fs::OpenOptions::new();
        options.write(true).create_new(true).mode(0o600);
        let mut file = match only_drop {
            true => None,
            false => Some(options.open(&path).await.map_err(broken)?),
        };
        while let Some(chunk) = field.chunk().await? {
            upload.size += chunk.len() as u64;
            if upload.size > limit * PATIENCE {
                break;
            }
            if upload.size > limit.min(room) {
                file = None;
            }
            if let Some(file) = &mut file {
                file.write_all(&chunk).await.map_err(broken)?;
            }
        }
        let Some(mut file) = file else {
            self.uploads.forget(&upload.id).await;
            return match only_drop {
                true => Ok(None),
                false => Err(too_large(&upload, limit, room)),
            };
        };
        file.flush().await.map_err(broken)?;
        file.sync_all().await.map_err(broken)?;
        let (note, noted) = (self.uploads.note(&upload.id), upload.clone());
        tokio::task::spawn_blocking(move || private_file::write(&note, &noted))
            .await
            .unwrap_or_else(|error| Err(FileError::io("write", &path)(std::io::Error::other(error))))?;
        self.uploads.known.insert(upload.id.clone(), upload.clone());
        Ok(Some(upload))
    }
}

impl super::Uploads {
    /// Removes what nobody will send.
    async fn forget(&self, id: &str) {
        self.known.remove(id);
        // What was not written needs no removal; the rest is swept at the next start.
        let _ = tokio::fs::remove_file(self.content(id)).await;
        let _ = tokio::fs::remove_file(self.note(id)).await;
    }
}

fn too_large(upload: &Upload, limit: u64, room: u64) -> Refused {
    let size = |bytes: u64| format!("{} MB", bytes.div_ceil(1_000_000));
    if upload.size > limit {
        return Refused::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            format!(
                "`{}` is larger than {}, which is the limit for a file",
                upload.name,
                mebi(limit)
            ),
        )
        .hint("put it where the agent can fetch it, or send a part of it");
    }
    Refused::new(
        StatusCode::PAYLOAD_TOO_LARGE,
        format!(
            "there is room for {} of unsent files, and `{}` is more",
            size(room),
            upload.name
        ),
    )
    .hint("send the message that the others belong to first")
}

fn mebi(bytes: u64) -> String {
    format!("{} MiB", bytes / (1024 * 1024))
}
