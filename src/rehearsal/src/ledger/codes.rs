//! Authorization codes: single use, bound to client, redirect address and PKCE challenge.

use std::time::Duration;

use super::families::{Approval, FamilyId};
use super::token_request::challenge_of;
use super::{Authorization, Ledger, Refusal, Scope, Tokens};
use crate::counts::Counter;
use crate::moment::Moment;
use crate::random::{self, Purpose};

/// RFC 6749 §4.1.2 allows ten minutes; strict servers give one.
const CODE_TTL: Duration = Duration::from_mins(1);

/// A code that was issued. It is remembered after its exchange, so that a second exchange is noticed.
pub(super) struct Code {
    client_id: String,
    redirect_text: String,
    challenge: String,
    user: String,
    scope: Scope,
    resources: Vec<String>,
    expires: Moment,
    family: Option<FamilyId>,
}

/// What a client presents to exchange a code.
pub(super) struct Exchange<'a> {
    pub(super) code: &'a str,
    pub(super) client_id: &'a str,
    pub(super) redirect_uri: &'a str,
    pub(super) verifier: &'a str,
    pub(super) resources: Vec<String>,
}

impl Ledger {
    pub(super) fn issue_code(&mut self, authorization: Authorization, user: String, now: Moment) -> String {
        let code = random::token(Purpose::AuthorizationCode);
        self.codes.insert(
            code.clone(),
            Code {
                client_id: authorization.client_id,
                redirect_text: authorization.redirect_text,
                challenge: authorization.challenge,
                user,
                scope: authorization.scope,
                resources: authorization.resources,
                expires: now.plus(CODE_TTL),
                family: None,
            },
        );
        code
    }

    /// Exchanges a code for tokens. A code that comes back revokes what it brought (RFC 6749 §4.1.2); an attempt
    /// that fails for another reason does not spend it.
    pub(super) fn exchange(&mut self, exchange: &Exchange<'_>, now: Moment) -> Result<Tokens, Refusal> {
        let known = self
            .codes
            .get(exchange.code)
            .ok_or(Refusal::InvalidGrant("the code is not known here"))?;
        if known.client_id != exchange.client_id {
            return Err(Refusal::InvalidGrant("the code was issued to another client"));
        }
        if let Some(family) = known.family {
            self.counts.add(Counter::CodeReuse);
            self.revoke_family(family);
            return Err(Refusal::InvalidGrant(
                "the code was used before; what it brought is revoked",
            ));
        }
        if known.expires <= now {
            return Err(Refusal::InvalidGrant("the code has expired"));
        }
        if known.redirect_text != exchange.redirect_uri {
            return Err(Refusal::InvalidGrant(
                "redirect_uri is not the one of the authorization request",
            ));
        }
        if challenge_of(exchange.verifier).as_deref() != Some(&known.challenge) {
            return Err(Refusal::InvalidGrant("code_verifier does not match"));
        }
        let approval = Approval {
            client_id: known.client_id.clone(),
            user: known.user.clone(),
            scope: known.scope.clone(),
            resources: chosen(&known.resources, &exchange.resources)?,
        };
        let (family, tokens) = self.start_family(approval, now);
        if let Some(known) = self.codes.get_mut(exchange.code) {
            known.family = Some(family);
        }
        self.counts.add(Counter::CodesExchanged);
        Ok(tokens)
    }
}

/// The resources of the family: what the token request names out of what was granted. A grant with resources wants
/// at least one of them named again, as the Model Context Protocol demands of its clients.
pub(super) fn chosen(granted: &[String], asked: &[String]) -> Result<Vec<String>, Refusal> {
    if granted.is_empty() != asked.is_empty() {
        return Err(Refusal::InvalidTarget(
            "the resource must be given in both requests or in neither",
        ));
    }
    if asked.iter().all(|resource| granted.contains(resource)) {
        Ok(asked.to_vec())
    } else {
        Err(Refusal::InvalidTarget("the resource is not part of the grant"))
    }
}
