//! One request, before it is made.

use std::time::Duration;

use serde_json::Value;
use serenity::all::CreateAttachment;
use serenity::http::{LightMethod, Multipart, MultipartUpload, Request, Route};

use super::{TOO_LARGE, Trouble};
use crate::discord::admission::Id;

/// Bytes of files that go out in a second, at the least.
const PACE: usize = 1 << 20;

/// Where a request counts: a route and the channel (or whatever it is about).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(in crate::discord) struct Lane(pub(in crate::discord) &'static str, pub(in crate::discord) Id);

/// One request.
pub(in crate::discord) struct Call<'a> {
    pub(super) route: Route<'a>,
    pub(super) method: LightMethod,
    pub(super) lane: Lane,
    pub(super) body: Option<Value>,
    pub(super) files: Vec<CreateAttachment>,
    pub(super) params: Vec<(&'static str, String)>,
    /// Whether it is made again by itself when it was too much.
    pub(super) patient: bool,
    /// Whether it is only nice to have: the first that is left out.
    pub(super) is_nicety: bool,
}

impl<'a> Call<'a> {
    pub(super) fn new(method: LightMethod, route: Route<'a>, lane: Lane) -> Self {
        Self {
            route,
            method,
            lane,
            body: None,
            files: vec![],
            params: vec![],
            patient: true,
            is_nicety: false,
        }
    }

    pub(super) fn nicety(mut self) -> Self {
        self.is_nicety = true;
        self
    }

    pub(super) fn body(mut self, body: Value) -> Self {
        self.body = Some(body);
        self
    }

    pub(super) fn files(mut self, files: Vec<CreateAttachment>) -> Self {
        self.files = files;
        self
    }

    /// An answer with an error, in words that tell whether it may have been done: what makes something new is done by a
    /// server that has trouble of its own, or it is not. Without Discord's `words` it was refused by something in between.
    pub(super) fn trouble(
        &self,
        status: u16,
        code: i64,
        words: Option<String>,
        limited: Option<(Duration, bool)>,
    ) -> Trouble {
        let is_discords = words.is_some() || status == TOO_LARGE;
        let message = words.unwrap_or_else(|| "no words".to_owned());
        match status {
            429 => {
                let (after, global) = limited.unwrap_or((Duration::from_secs(1), false));
                Trouble::Limited { after, global }
            }
            500.. if self.method == LightMethod::Post => Trouble::Unknown(format!("{message} ({status})")),
            500.. => Trouble::Failed(format!("{message} ({status})")),
            // That of an interaction has a code.
            401 if code <= 0 => Trouble::NoToken,
            _ if !is_discords => Trouble::Barred(status),
            _ => Trouble::Refused {
                status,
                code,
                message,
                names: vec![],
            },
        }
    }

    /// How long its files take.
    pub(super) fn upload(&self) -> Duration {
        upload(self.files.iter().map(|file| file.data.len()).sum())
    }

    pub(super) fn request(&self) -> Request<'a> {
        let mut request = Request::new(self.route, self.method);
        let body = self.body.as_ref().map(Value::to_string);
        if self.files.is_empty() {
            request = request.body(body.map(String::into_bytes));
        } else {
            request = request.multipart(Some(Multipart {
                upload: MultipartUpload::Attachments(self.files.clone()),
                fields: vec![],
                payload_json: body,
            }));
        }
        if !self.params.is_empty() {
            request = request.params(Some(self.params.clone()));
        }
        request
    }
}

/// How long so many bytes take on their way out.
pub(super) fn upload(bytes: usize) -> Duration {
    Duration::from_secs((bytes / PACE) as u64)
}
