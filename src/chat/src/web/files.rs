//! `GET /t/{id}/files/{path}`: files of a thread's workspace. Whatever an agent wrote there, a browser runs none of it.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use futures_util::stream;
use tokio::io::{AsyncRead, AsyncReadExt as _};

use super::door::{FETCH_DEST, one};
use super::gate::Visitor;
use super::refusal::{PageRefused, Refused};
use super::shared::Web;
use super::{media, workspace};

/// Nothing may be loaded or run, and it is of no site.
const POLICY: &str = "default-src 'none'; sandbox; frame-ancestors 'none'";

/// Read at a time.
const CHUNK: usize = 64 * 1024;

/// Answers with a file.
pub(crate) async fn file(
    State(web): State<Arc<Web>>,
    visitor: Visitor,
    headers: HeaderMap,
    Path((thread, path)): Path<(String, String)>,
) -> Result<Response, PageRefused> {
    let thread = web.watched(&visitor.person, &thread).await?;
    let (folder, wanted) = (web.supervisor.workspace(&thread).await?, path.clone());
    let opened = tokio::task::spawn_blocking(move || {
        let file = workspace::open(&folder, &wanted)?;
        let size = file.metadata()?.len();
        Ok::<_, std::io::Error>((file, size))
    });
    let (file, size) = match opened
        .await
        .unwrap_or_else(|error| Err(std::io::Error::other(error)))
    {
        Ok(opened) => opened,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return Err(Refused::nothing("file").into());
        }
        Err(error) => return Err(Refused::broken("open the file", &error).into()),
    };
    let name = path.rsplit('/').next().unwrap_or_default();
    let mime = media::of_name(name);
    // A page draws a picture whatever the answer says that it is: a thread's text may name one, and a file may grow.
    if size > media::LARGEST_DRAWN && one(&headers, &FETCH_DEST) == Some("image") {
        let words = "this file is too large to be drawn in a page";
        return Err(Refused::new(StatusCode::PAYLOAD_TOO_LARGE, words).into());
    }
    let shown = if media::is_drawn(mime, size) {
        "inline"
    } else {
        "attachment"
    };
    let headers: [(HeaderName, String); 5] = [
        (header::CONTENT_TYPE, mime.to_owned()),
        (header::CONTENT_LENGTH, size.to_string()),
        (header::CONTENT_DISPOSITION, disposition(shown, name)),
        // An agent may change it at any time.
        (header::CACHE_CONTROL, "private, no-cache".to_owned()),
        (header::CONTENT_SECURITY_POLICY, POLICY.to_owned()),
    ];
    let mut response = Body::from_stream(chunks(tokio::fs::File::from_std(file).take(size))).into_response();
    for (name, value) in headers {
        let value = HeaderValue::try_from(value).map_err(|_| Refused::nothing("file"))?;
        response.headers_mut().insert(name, value);
    }
    Ok(response)
}

/// What a reader gives, piece by piece. A file that shrinks meanwhile breaks the answer off.
fn chunks(
    reader: impl AsyncRead + Unpin + Send + 'static,
) -> impl stream::Stream<Item = std::io::Result<Vec<u8>>> + Send + 'static {
    stream::unfold(reader, |mut reader| async {
        let mut chunk = Vec::with_capacity(CHUNK);
        match (&mut reader).take(CHUNK as u64).read_to_end(&mut chunk).await {
            Ok(0) => None,
            Ok(_) => Some((Ok(chunk), reader)),
            Err(error) => Some((Err(error), reader)),
        }
    })
}

/// RFC 6266, with the name as RFC 8187 writes it.
fn disposition(kind: &str, name: &str) -> String {
    let mut text = format!("{kind}; filename*=UTF-8''");
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.') {
            text.push(char::from(byte));
        } else {
            // Writing to a String can't fail.
            let _ = std::fmt::Write::write_fmt(&mut text, format_args!("%{byte:02X}"));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_stays_inside_its_header() {
        assert_eq!(
            disposition("attachment", "a\"; filename=x.html\r\n ü"),
            "attachment; filename*=UTF-8''a%22%3B%20filename%3Dx.html%0D%0A%20%C3%BC"
        );
    }
}
