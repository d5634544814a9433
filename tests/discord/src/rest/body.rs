//! Reading requests: JSON, multipart with files, queries.

use std::collections::BTreeMap;

use axum::body::to_bytes;
use axum::extract::{FromRequest, Multipart, Request};
use axum::http::header;
use serde_json::Value;

use super::Refused;
use crate::world::Upload;

/// Far above ten files of ten MiB.
const LIMIT: usize = 200 * 1024 * 1024;

pub(crate) type Read = (Value, BTreeMap<usize, Upload>);

/// `Err` when it is neither JSON nor multipart as Discord takes it.
pub(crate) async fn read(request: Request) -> Result<Read, Refused> {
    let kind = request.headers().get(header::CONTENT_TYPE);
    let kind = kind
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default()
        .to_owned();
    if kind.starts_with("multipart/form-data") {
        return multipart(request).await;
    }
    let bytes = to_bytes(request.into_body(), LIMIT)
        .await
        .map_err(|error| Refused::wrong(&format!("the body broke off: {error}")))?;
    if bytes.is_empty() {
        return Ok((Value::Null, BTreeMap::new()));
    }
    if !kind.starts_with("application/json") {
        return Err(Refused::wrong(&format!("a body of the type `{kind}`")));
    }
    let body =
        serde_json::from_slice(&bytes).map_err(|error| Refused::wrong(&format!("no JSON: {error}")))?;
    Ok((body, BTreeMap::new()))
}

async fn multipart(request: Request) -> Result<Read, Refused> {
    let broken = |error: axum::extract::multipart::MultipartError| Refused::wrong(&error.body_text());
    let mut parts = Multipart::from_request(request, &())
        .await
        .map_err(|error| Refused::wrong(&error.body_text()))?;
    let mut body = Value::Null;
    let mut files = BTreeMap::new();
    while let Some(part) = parts.next_field().await.map_err(broken)? {
        let name = part.name().unwrap_or_default().to_owned();
        if name == "payload_json" {
            let text = part.text().await.map_err(broken)?;
            body = serde_json::from_str(&text)
                .map_err(|error| Refused::wrong(&format!("payload_json: {error}")))?;
            continue;
        }
        let index = name
            .strip_prefix("files[")
            .and_then(|rest| rest.strip_suffix(']'));
        let Some(index) = index.and_then(|index| index.parse().ok()) else {
            return Err(Refused::wrong(&format!("a part named `{name}`")));
        };
        let upload = Upload {
            name: part.file_name().unwrap_or("file").to_owned(),
            content_type: part
                .content_type()
                .unwrap_or("application/octet-stream")
                .to_owned(),
            description: None,
            bytes: part.bytes().await.map_err(broken)?.to_vec(),
        };
        files.insert(index, upload);
    }
    if body.is_null() {
        body = Value::Object(serde_json::Map::new());
    }
    spell_out(&mut body);
    Ok((body, files))
}

/// Discord takes the number of a file for its name, although its document wants a text; serenity sends numbers.
fn spell_out(body: &mut Value) {
    for inner in ["data", "message"] {
        if let Some(inner) = body.get_mut(inner) {
            spell_out(inner);
        }
    }
    let files = body.get_mut("attachments").and_then(Value::as_array_mut);
    for id in files.into_iter().flatten().filter_map(|file| file.get_mut("id")) {
        if let Some(number) = id.as_u64() {
            *id = Value::String(number.to_string());
        }
    }
}

pub(crate) fn query(text: &str) -> BTreeMap<String, String> {
    let pairs = text.split('&').filter(|pair| !pair.is_empty());
    pairs
        .map(|pair| {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            (decoded(key), decoded(value))
        })
        .collect()
}

/// Percent signs undone; what is no UTF-8 then becomes the replacement character.
pub(crate) fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        let coded = (*first == b'%').then(|| tail.get(..2)).flatten();
        let byte = coded.and_then(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok());
        bytes.push(byte.unwrap_or(*first));
        rest = if byte.is_some() { &tail[2..] } else { tail };
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
