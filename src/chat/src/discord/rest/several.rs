//! A request with several files: serenity gives all of them the same number.

use reqwest_of_serenity as reqwest;

use reqwest::header::{CONTENT_LENGTH, CONTENT_TYPE};
use reqwest::multipart::{Form, Part};
use serde_json::Value;

use super::Call;

/// The same request with each file under its own number, as `attachments` of its body names them.
pub(super) fn numbered(
    client: &reqwest::Client,
    plain: &reqwest::Request,
    call: &Call<'_>,
) -> reqwest::RequestBuilder {
    let mut headers = plain.headers().clone();
    headers.remove(CONTENT_TYPE);
    headers.remove(CONTENT_LENGTH);
    let body = call.body.as_ref().map(Value::to_string).unwrap_or_default();
    let mut form = Form::new().text("payload_json", body);
    for (number, file) in call.files.iter().enumerate() {
        let part = Part::bytes(file.data.clone()).file_name(file.filename.clone());
        form = form.part(format!("files[{number}]"), part);
    }
    let request = client.request(plain.method().clone(), plain.url().clone());
    request.headers(headers).multipart(form)
}
