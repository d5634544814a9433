//! Taking files in from a form.

use std::path::Path;
use std::sync::Arc;

use axum::Json;
use axum::extract::multipart::Field;
use axum::extract::{Multipart, Query, State};
use axum::http::{StatusCode, header};
use serde::Deserialize;
use tokio::io::AsyncWriteExt as _;

use super::{MOST_FILES, Upload, harmless_name, new_upload};
use crate::web::gate::Visitor;
use crate::web::media;
use crate::web::private_file::{self, FileError};
use crate::web::refusal::Refused;
use crate::web::said::Said;
use crate::web::shared::Web;
use crate::web::threads::Done;
use crate::web::view::Uploaded;

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
    form: Multipart,
) -> Result<Json<Vec<Uploaded>>, Refused> {
    match wanted.thread.as_deref() {
        None | Some("new") => {}
        Some(thread) => drop(web.thread(&visitor.person, thread).await?),
    }
    let taken = web.receive(&visitor, form).await?;
    let shown = |upload: &Upload| Uploaded {
        id: upload.id.clone(),
        name: upload.name.clone(),
        size: upload.size,
        mime: media::of_name(&upload.name).to_owned(),
    };
    Ok(Json(taken.iter().map(shown).collect()))
}

#[derive(Deserialize)]
pub(crate) struct Unwanted {
    id: String,
}

/// `POST /api/uploads/forget`: somebody took a file out of the message that they write.
pub(crate) async fn forget(
    State(web): State<Arc<Web>>,
    visitor: Visitor,
    Said(Unwanted { id }): Said<Unwanted>,
) -> Json<Done> {
    web.uploads.forget(&visitor.person.user, &id).await;
    Json(Done {})
}

impl Web {
    /// Takes all files of a form in, or none.
    async fn receive(&self, visitor: &Visitor, mut form: Multipart) -> Result<Vec<Upload>, Refused> {
        let mut taken: Vec<Upload> = vec![];
        let mut refused = None;
        loop {
            let mut field = match form.next_field().await {
                Ok(Some(field)) => field,
                Ok(None) => break,
                // It broke off.
                Err(error) => {
                    refused = Some(error.into());
                    break;
                }
            };
            if field.file_name().is_none() {
                if is_file(&field) && refused.is_none() {
                    refused = Some(
                        Refused::bad("a file's name is no text (UTF-8)").hint("give the file a plain name"),
                    );
                }
                continue;
            }
            if taken.len() == MOST_FILES && refused.is_none() {
                refused = Some(Refused::bad(format!("{MOST_FILES} files at a time, at most")));
            }
            if refused.is_some() {
                // What is refused is read to its end all the same, so that the answer is seen.
                while let Ok(Some(_)) = field.chunk().await {}
                continue;
            }
            match self.take_in(visitor, field).await {
                Ok(upload) => taken.push(upload),
                Err(error) => refused = Some(error),
            }
        }
        if taken
            .iter()
            .any(|upload| !self.uploads.known.contains_key(&upload.id))
        {
            refused = Some(Refused::new(
                StatusCode::PAYLOAD_TOO_LARGE,
                "these files are too much for one time",
            ));
        }
        let Some(refused) = refused else {
            return Ok(taken);
        };
        for upload in &taken {
            self.uploads.remove(&upload.id).await;
        }
        Err(refused)
    }

    /// Takes one file in.
    async fn take_in(&self, visitor: &Visitor, field: Field<'_>) -> Result<Upload, Refused> {
        let (user, limit) = (&visitor.person.user, self.uploads.limit);
        let mut upload = new_upload(user);
        upload.name = harmless_name(field.file_name().unwrap_or_default());
        match self.write(&mut upload, field).await {
            Ok(()) if upload.size > limit => {
                self.uploads.remove(&upload.id).await;
                return Err(too_large(&upload, limit));
            }
            Ok(()) => {}
            Err(error) => {
                self.uploads.remove(&upload.id).await;
                return Err(error);
            }
        }
        self.uploads.known.insert(upload.id.clone(), upload.clone());
        self.uploads.make_room(user, &upload.id).await;
        Ok(upload)
    }

    /// Writes its content and, unless it is too large, its note.
    async fn write(&self, upload: &mut Upload, field: Field<'_>) -> Result<(), Refused> {
        let (path, limit) = (self.uploads.content(&upload.id), self.uploads.limit);
        upload.size = copy(field, &path, limit, limit * PATIENCE).await?;
        if upload.size > limit {
            return Ok(());
        }
        let (note, noted) = (self.uploads.note(&upload.id), upload.clone());
        tokio::task::spawn_blocking(move || private_file::write(&note, &noted))
            .await
            .unwrap_or_else(|error| Err(FileError::io("write", &path)(std::io::Error::other(error))))?;
        Ok(())
    }
}

/// Whether a part of a form is a file, also where its name can't be read.
fn is_file(field: &Field<'_>) -> bool {
    let disposition = field.headers().get(header::CONTENT_DISPOSITION);
    disposition.is_some_and(|value| {
        value
            .as_bytes()
            .windows(9)
            .any(|part| part.eq_ignore_ascii_case(b"filename="))
    })
}

/// Writes a file as it comes. Of what is longer than `most` nothing more is written; it is read on up to `patience`
/// bytes. Gives how long it is, as far as it was read.
async fn copy(mut field: Field<'_>, path: &Path, most: u64, patience: u64) -> Result<u64, Refused> {
    let broken = |error| Refused::broken("keep the file", &FileError::io("write", path)(error));
    let mut options = tokio::fs::OpenOptions::new();
    options.write(true).create_new(true).mode(0o600);
    let mut file = options.open(path).await.map_err(broken)?;
    let mut size = 0;
    while let Some(chunk) = field.chunk().await? {
        size += chunk.len() as u64;
        if size > patience {
            break;
        }
        if size <= most {
            file.write_all(&chunk).await.map_err(broken)?;
        }
    }
    file.flush().await.map_err(broken)?;
    file.sync_all().await.map_err(broken)?;
    Ok(size)
}

fn too_large(upload: &Upload, limit: u64) -> Refused {
    Refused::new(
        StatusCode::PAYLOAD_TOO_LARGE,
        format!(
            "`{}` is larger than {} MiB, which is the limit for a file",
            upload.name,
            limit / (1024 * 1024)
        ),
    )
    .hint("put it where the agent can fetch it, or send a part of it")
}
