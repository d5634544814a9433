//! What is behind a refusal, read from its status and its words: what follows, and what a person is told to do.

use super::Said;

/// What no other try of ours can change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cause {
    /// The request has more in it than the model can take.
    TooLong,
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
const WAYS: [(Cause, &[&str], &[&str]); 4] = [
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
    (Cause::Tools, &[], &["not support tools", "tool choice"]),
    (
        Cause::Model,
        &[
            "model_not_found",
            "invalid_model",
            "unknown_model",
            "model_not_available",
        ],
        &["not a valid model", "unknown model", "no such model"],
    ),
];

impl Cause {
    /// Of a refusal with this status, or of one that came in a stream.
    pub(super) fn of(status: Option<u16>, said: &Said) -> Option<Self> {
        if is_too_long(status, said) {
            return Some(Self::TooLong);
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
            Self::TooLong | Self::Tools | Self::Access => None,
        }
    }

    /// What to do.
    pub(super) fn hint(self) -> &'static str {
        match self {
            Self::TooLong => {
                "what was said last is too long for this model; say it in parts, or take another model with `/model NAME`"
            }
            Self::Credit => {
                "the account that pays for this agent needs credit, or a higher limit, at the provider"
            }
            Self::Plan => {
                "it comes back with the plan's next period; `/agent NAME` takes another agent until then"
            }
            Self::Tools => "this agent needs a model that can call tools; `/model NAME` takes another one",
            Self::Model => {
                "`/model NAME` takes another model; `model` and `base_url` of the agent stand in the configuration"
            }
            Self::Access => {
                "the account may not use this model, or the provider does not serve this place; `/model NAME` takes another model"
            }
            Self::Address => ADDRESS,
        }
    }
}

/// What to do about an address that leads to no API.
pub(in crate::providers) const ADDRESS: &str = "check `base_url` and `model` of the agent in the configuration: the API of most servers is below `/v1`, as in \
    `http://127.0.0.1:11434/v1`";

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
    ];
    status == Some(413) || status != Some(429) && ways.iter().any(|words| said.mentions(words))
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
