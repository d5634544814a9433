//! A model request without its wire format: what was said last, what came of it, and which tools there are.

use serde_json::Value;

mod chat;
mod responses;

pub(in crate::model) use responses::SEAL;

use super::MODELS;
use super::writer::CHARACTERS_OF_A_TOKEN;

/// The two wire formats.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    Responses,
    Chat,
}

impl Format {
    /// The path of its endpoint.
    pub(crate) fn path(self) -> &'static str {
        match self {
            Self::Responses => "/v1/responses",
            Self::Chat => "/v1/chat/completions",
        }
    }
}

/// A request.
#[derive(Debug, Default)]
pub(crate) struct Asked {
    pub(crate) model: String,
    /// Whether the answer is to be a stream.
    pub(crate) streams: bool,
    /// Whether the answer shall have reasoning that can be sent back.
    pub(crate) wants_encrypted: bool,
    /// Whether a chat stream ends with the usage.
    pub(crate) wants_usage: bool,
    /// What was said before the last message, without attachments.
    pub(crate) earlier: Vec<String>,
    /// The last message.
    pub(crate) text: String,
    /// Its attachments, each in words.
    pub(crate) attachments: Vec<String>,
    /// What the tools gave back since then, in the order of the calls.
    pub(crate) results: Vec<String>,
    pub(crate) tools: Vec<Tool>,
}

/// A tool that is offered.
#[derive(Debug)]
pub(crate) struct Tool {
    pub(crate) name: String,
    /// The JSON Schema of its arguments.
    pub(crate) parameters: Value,
}

/// Why a request is refused, as the real server would.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) status: u16,
    pub(crate) code: &'static str,
    pub(crate) param: Option<&'static str>,
    pub(crate) message: String,
}

/// The refusal of a request that has more in it than the model takes, in OpenAI's words; `None` if it fits.
pub(crate) fn too_long(format: Format, bytes: usize, limit: u64) -> Option<Refusal> {
    let tokens = (bytes / CHARACTERS_OF_A_TOKEN) as u64;
    let (param, message) = match format {
        Format::Responses => (
            "input",
            "Your input exceeds the context window of this model. Please adjust your input and try again."
                .to_owned(),
        ),
        Format::Chat => (
            "messages",
            format!(
                "This model's maximum context length is {limit} tokens. However, your messages resulted in {tokens} \
                 tokens. Please reduce the length of the messages."
            ),
        ),
    };
    (tokens > limit).then(|| invalid("context_length_exceeded", param, message))
}

/// A message of a person.
#[derive(Debug, Default)]
struct Said {
    text: String,
    attachments: Vec<String>,
}

impl Asked {
    /// Reads a request's body.
    pub(crate) fn read(format: Format, body: &Value) -> Result<Self, Refusal> {
        let model = body["model"].as_str().unwrap_or_default();
        if model.is_empty() {
            return Err(invalid(
                "missing_required_parameter",
                "model",
                "you must provide a model parameter",
            ));
        }
        if !model.starts_with(MODELS[0]) {
            return Err(Refusal {
                status: 404,
                code: "model_not_found",
                param: Some("model"),
                message: format!(
                    "the model `{model}` does not exist; there are {}",
                    MODELS.join(" and ")
                ),
            });
        }
        let asked = match format {
            Format::Responses => responses::read(body)?,
            Format::Chat => chat::read(body)?,
        };
        Ok(Self {
            model: model.to_owned(),
            streams: body["stream"] == true,
            ..asked
        })
    }

    fn say(&mut self, said: Said, last: &mut Option<Said>) {
        if let Some(before) = last.replace(said) {
            self.earlier.push(before.text);
        }
        self.results.clear();
    }

    /// The request as a whole: it is about the last thing that was said.
    fn about(mut self, last: Option<Said>, param: &'static str) -> Result<Self, Refusal> {
        let Some(said) = last else {
            return Err(invalid(
                "missing_required_parameter",
                param,
                "there is no message of a user",
            ));
        };
        self.text = said.text;
        self.attachments = said.attachments;
        Ok(self)
    }
}

impl Said {
    fn add_text(&mut self, text: &str) {
        let mut lines = text.lines();
        while let Some(line) = lines.next() {
            if let Some(file) = line
                .strip_prefix("[attached")
                .and_then(|rest| rest.strip_suffix(']'))
            {
                let file = file.trim_start_matches(" file").trim_start_matches(':').trim();
                self.attach(name(file));
                continue;
            }
            if let Some(rest) = line.strip_prefix("<file uri=\"") {
                let uri = rest.split('"').next().unwrap_or_default();
                self.attach(name(uri));
                // What a file says is no script.
                lines
                    .by_ref()
                    .take_while(|line| *line != "</file>")
                    .for_each(drop);
                continue;
            }
            self.text.push_str(line);
            self.text.push('\n');
        }
    }

    fn add_image(&mut self, url: &str) {
        let kind = url
            .strip_prefix("data:")
            .and_then(|data| data.split([';', ',']).next());
        let kind = kind.unwrap_or("somewhere else");
        // It may come with its name, and is told once.
        let unseen = self.attachments.iter_mut().find(|file| is_picture(file));
        match unseen {
            Some(file) => file.push_str(", which I see"),
            None => self.attach(&format!("an image, {kind}")),
        }
    }

    /// One that is named twice, in words and as itself, is one.
    fn attach(&mut self, file: &str) {
        if !self.attachments.iter().any(|known| known == file) {
            self.attachments.push(file.to_owned());
        }
    }
}

/// The last part of a path, without what is said about the file. Where it lies is nobody's business.
fn name(file: &str) -> &str {
    let path = match file.strip_suffix(')').and_then(|file| file.rsplit_once(" (")) {
        Some((path, _)) => path,
        None => file.split_once(", ").map_or(file, |(path, _)| path),
    };
    path.rsplit('/').next().unwrap_or(path)
}

/// Whether the name is that of a picture that was not shown yet.
fn is_picture(name: &str) -> bool {
    [".png", ".jpg", ".jpeg", ".gif", ".webp"]
        .iter()
        .any(|ending| name.to_ascii_lowercase().ends_with(ending))
}

fn invalid(code: &'static str, param: &'static str, message: impl Into<String>) -> Refusal {
    Refusal {
        status: 400,
        code,
        param: Some(param),
        message: message.into(),
    }
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map(Vec::as_slice).unwrap_or_default()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

#[cfg(test)]
mod tests;
