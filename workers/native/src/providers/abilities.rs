//! What a server and its model can do beyond the plain request, learned from its refusals.

use super::said::Said;

/// Optional parts of a request. All are sent until a server says that it does not know one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Abilities(u8);

/// One optional part of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ability {
    /// Responses: reasoning comes encrypted, so that it can be sent back although nothing is stored.
    EncryptedReasoning = 1,
    /// Responses: reasoning is summed up for people.
    ReasoningSummary = 2,
    /// Both: earlier reasoning goes back with the request.
    EarlierReasoning = 4,
    /// Responses: the conversation is named, for the prompt cache.
    CacheKey = 8,
    /// Chat: the stream ends with the usage.
    UsageInStream = 16,
    /// Chat: reasoning of earlier turns stays here. Some models want all of it back, some refuse it.
    TurnsReasoningOnly = 32,
    /// Chat: what came with a call or a message, and means nothing here, goes back.
    Opaque = 64,
}

impl Default for Abilities {
    fn default() -> Self {
        Self(127)
    }
}

impl Abilities {
    /// Whether this part is sent.
    pub(super) fn has(self, ability: Ability) -> bool {
        self.0 & ability as u8 != 0
    }

    /// The same without one part.
    pub(super) fn without(self, ability: Ability) -> Self {
        Self(self.0 & !(ability as u8))
    }

    /// The part that a refusal with this status is about, if it was sent: the request may succeed without it.
    pub(super) fn refused_by(self, status: u16, said: &Said) -> Option<Ability> {
        if !matches!(status, 400 | 404 | 422) {
            return None;
        }
        let wants = |words: &str| said.mentions("reasoning") && said.mentions(words);
        if wants("passed back") || wants("missing") {
            let ability = Ability::TurnsReasoningOnly;
            return self.has(ability).then_some(ability);
        }
        // The more special words first.
        [
            ("invalid_encrypted_content", Ability::EarlierReasoning),
            ("could not be verified", Ability::EarlierReasoning),
            ("could not be decrypted", Ability::EarlierReasoning),
            ("required following item", Ability::EarlierReasoning),
            ("reasoning_content", Ability::EarlierReasoning),
            ("encrypted content", Ability::EncryptedReasoning),
            ("encrypted_content", Ability::EncryptedReasoning),
            ("'include'", Ability::EncryptedReasoning),
            ("reasoning.summary", Ability::ReasoningSummary),
            ("reasoning summar", Ability::ReasoningSummary),
            ("'reasoning'", Ability::ReasoningSummary),
            ("prompt_cache_key", Ability::CacheKey),
            ("stream_options", Ability::UsageInStream),
            ("reasoning_details", Ability::Opaque),
            ("extra_content", Ability::Opaque),
            ("provider_specific_fields", Ability::Opaque),
            ("extra_forbidden", Ability::Opaque),
            ("extra inputs are not permitted", Ability::Opaque),
        ]
        .into_iter()
        .find(|(words, ability)| self.has(*ability) && said.mentions(words))
        .map(|(_, ability)| ability)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refused_part_is_left_out_once_and_nothing_else_is() {
        for (status, body, ability) in [
            (
                400,
                "Encrypted content is not supported with this model.",
                Some(Ability::EncryptedReasoning),
            ),
            (
                400,
                "Unsupported parameter: 'reasoning.summary' is not supported",
                Some(Ability::ReasoningSummary),
            ),
            (
                400,
                "Your organization must be verified to generate reasoning summaries",
                Some(Ability::ReasoningSummary),
            ),
            (
                400,
                "The encrypted content for item rs_1 could not be verified.",
                Some(Ability::EarlierReasoning),
            ),
            (
                400,
                "Item 'rs_1' of type 'reasoning' was provided without its required following item.",
                Some(Ability::EarlierReasoning),
            ),
            (
                422,
                "Extra inputs are not permitted: stream_options",
                Some(Ability::UsageInStream),
            ),
            (
                400,
                "The `reasoning_content` in the thinking mode must be passed back to the API.",
                Some(Ability::TurnsReasoningOnly),
            ),
            (
                400,
                "Missing `reasoning_content` field in the assistant message at message index 2.",
                Some(Ability::TurnsReasoningOnly),
            ),
            (
                400,
                "'messages.2' : property 'reasoning_details' is unsupported",
                Some(Ability::Opaque),
            ),
            (400, "Function call is missing a thought_signature", None),
            (500, "stream_options", None),
            (400, "context length exceeded", None),
        ] {
            let said = Said::of_body(body.as_bytes());
            let all = Abilities::default();
            assert_eq!(all.refused_by(status, &said), ability, "{body}");
            if let Some(ability) = ability {
                assert_ne!(
                    all.without(ability).refused_by(status, &said),
                    Some(ability),
                    "{body}"
                );
            }
        }
    }
}
