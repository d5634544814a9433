//! What is behind a refusal, read from its status and its words: what follows, and what a person is told to do.

use std::borrow::Cow;

use super::{Pictures, Said};

/// What no other try of ours can change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cause {
    /// The request has more in it than the model can take.
    TooLong,
    /// The model can't read the pictures in it.
    Pictures,
    /// No money is left.
    Credit,
    /// The share of a plan is used up.
    Plan,
    /// The model can't call tools.
    Tools,
    /// There is no such model.
    Model,
    /// The account, or this place, is not served.
    Access,
    /// Something else than a model's API answers there.
    Address,
}

/// How servers say it. The first that fits counts.
const WAYS: [(Cause, &[&str], &[&str]); 5] = [
    (
        Cause::Credit,
        &[
            "insufficient_quota",
            "billing",
            "exceeded_current_quota",
            "insufficient_balance",
        ],
        &[
            "insufficient balance",
            "insufficient credit",
            "credit balance is too low",
            "more credits",
        ],
    ),
    (Cause::Plan, &["usage_limit_reached", "usage_not_included"], &[]),
    (
        Cause::Tools,
        &[],
        &[
            "support tool",
            "support function",
            "tool choice",
            "tool calling",
            "function calling",
            "tools param",
        ],
    ),
    (Cause::Access, &[], &["data policy", "no allowed providers"]),
    (
        Cause::Model,
        &[
            "model_not_found",
            "invalid_model",
            "unknown_model",
            "model_not_available",
        ],
        &[
            "not a valid model",
            "unknown model",
            "no such model",
            "no endpoints found",
        ],
    ),
];

impl Cause {
    /// Of a refusal with this status, or of one that came in a stream.
    pub(super) fn of(status: Option<u16>, said: &Said, pictures: Pictures) -> Option<Self> {
        if is_too_long(status, said) {
            return Some(Self::TooLong);
        }
        if pictures != Pictures::None && is_about_pictures(status, said) {
            return Some(Self::Pictures);
        }
        let told = |words: &&str| said.mentions(words);
        let way = WAYS
            .iter()
            .find(|(_, codes, words)| codes.iter().any(|code| said.is_coded(code)) || words.iter().any(told));
        if let Some((cause, ..)) = way {
            return Some(*cause);
        }
        let is_of_model = said.mentions("model") && (told(&"does not exist") || told(&"not found"));
        match status {
            Some(402) => Some(Self::Credit),
            Some(400 | 404 | 422) if is_of_model => Some(Self::Model),
            Some(401 | 451) => Some(Self::Access),
            Some(403) if is_about_access(said) => Some(Self::Access),
            Some(300..=399 | 404 | 405 | 406 | 410 | 415 | 501 | 505) => Some(Self::Address),
            Some(400 | 422) if said.is_page => Some(Self::Address),
            _ => None,
        }
    }

    /// What happened, where the status alone would say it wrongly.
    pub(super) fn words(self, status: Option<u16>, at: &str, said: &Said) -> Option<String> {
        let is_silent = said.message.is_none() && said.code.is_none();
        match self {
            Self::Credit => Some("no credit is left at the provider".to_owned()),
            Self::Plan => Some("the plan's share at the provider is used up".to_owned()),
            Self::Model => Some("the provider does not know this model".to_owned()),
            Self::Address if status == Some(404) && is_silent => Some(format!(
                "the provider does not know this model, or the address {at}"
            )),
            Self::Address if matches!(status, Some(300..=399)) => Some(format!(
                "the provider's address {at} leads elsewhere, and that is not followed"
            )),
            Self::Address => Some(format!("there is no model API at {at}")),
            Self::Pictures => Some("the provider did not take the pictures".to_owned()),
            Self::TooLong | Self::Tools | Self::Access => None,
        }
    }

    /// What to do.
    pub(super) fn hint(self, at: &str) -> Cow<'static, str> {
        Cow::Borrowed(match self {
            Self::TooLong => {
                "what was said last is too long for this model; say it in parts, or take another model with `/model NAME`"
            }
            Self::Pictures => {
                "the model may not read images, so they are left out from now on; `/model NAME` takes another one: send them again then"
            }
            Self::Credit => {
                "the account that pays for this agent needs credit, or a higher limit, at the provider"
            }
            Self::Plan => {
                "it comes back with the plan's next period; `/agent NAME` takes another agent until then"
            }
            Self::Tools => {
                "this agent needs a model that can call tools; `/model NAME` takes another one (llama.cpp's server wants `--jinja` for it)"
            }
            Self::Model => {
                "`/model NAME` takes another model; `model` and `base_url` of the agent stand in the configuration"
            }
            Self::Access => {
                "the account may not use this model, its settings at the provider rule it out, or the provider does not serve this place; `/model NAME` takes another model"
            }
            Self::Address => return Cow::Owned(address(at)),
        })
    }
}

/// What to do about an address that leads to no API.
pub(in crate::providers) fn address(at: &str) -> String {
    let other = if at.ends_with("/responses") {
        "; most servers but OpenAI's speak the other wire format: `provider = \"openai-chat\"`"
    } else {
        ""
    };
    format!(
        "check `base_url` and `model` of the agent in the configuration: the API of most servers is below `/v1`, as in \
         `http://127.0.0.1:11434/v1`{other}"
    )
}

/// Servers say it in many ways, and some with a status of their own faults; only a limit per minute is something else.
fn is_too_long(status: Option<u16>, said: &Said) -> bool {
    let ways = [
        "context_length",
        "context length",
        "context size",
        "context_size",
        "context window",
        "maximum context",
        "prompt is too long",
        "input is too long",
        "too many tokens",
        "context limit",
        "context_limit",
        "context exceeded",
        "prompt length",
        "input length",
        "input token count",
        "number of tokens allowed",
        "model token limit",
        "token limit exceeded",
        "exceeds the token limit",
        "max_model_len",
        "max_input_tokens",
        "too large for model",
        "reduce the length",
        "long_context",
    ];
    status == Some(413) || status != Some(429) && ways.iter().any(|words| said.mentions(words))
}

/// Whether it may be that, in words that nobody foresaw.
pub(super) fn is_perhaps_too_long(said: &Said) -> bool {
    let tells = |ways: &[&str]| ways.iter().any(|words| said.mentions(words));
    tells(&["token", "context", "prompt", "input", "length"])
        && tells(&[
            "exceed",
            "maximum",
            "too long",
            "too large",
            "too big",
            "too many",
            "longer than",
            "larger than",
            "greater than",
            "more than",
            "at most",
            "limit",
        ])
}

/// Whether it is about the pictures of a request that has some, however it is numbered. A server that is overloaded, or wants
/// money, says that of any request.
fn is_about_pictures(status: Option<u16>, said: &Said) -> bool {
    let ways = [
        "image",
        "picture",
        "multimodal",
        "multi-modal",
        "mmproj",
        "vision model",
        "vision input",
        "support vision",
        "content part",
        "content type",
        "must be a string",
        "expected string",
        "expected a string",
        "valid string",
    ];
    let is_passing = matches!(status, Some(401 | 402 | 408 | 425 | 429 | 502..=504 | 529));
    !is_passing && ways.iter().any(|words| said.mentions(words))
}

/// Whether it is about who asks from where, and not about what was said: a filter may use the same status.
fn is_about_access(said: &Said) -> bool {
    [
        "unsupported_country",
        "country",
        "region",
        "territory",
        "permission",
        "not have access",
        "access_denied",
        "organization",
        "verify your",
    ]
    .iter()
    .any(|words| said.mentions(words))
}
