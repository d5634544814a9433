//! The front channel: what a client may ask for at the authorization endpoint, and what a person's answer makes of it.

use std::time::Duration;

use url::Url;

use super::token_request::resources_of;
use super::{Dialect, Ledger, Refusal, Scope};
use crate::moment::Moment;
use crate::params::Params;
use crate::random::{self, Purpose};

/// How long a consent page stays usable.
const CONSENT_TTL: Duration = Duration::from_mins(10);
/// Base64url of a SHA-256, without padding (RFC 7636 §4.2).
const CHALLENGE_CHARACTERS: usize = 43;

/// A valid authorization request.
#[derive(Clone, Debug)]
pub(crate) struct Authorization {
    pub(crate) client_id: String,
    pub(crate) client_name: String,
    pub(crate) redirect: Url,
    /// Exactly as the client wrote it; the token request must repeat it.
    pub(crate) redirect_text: String,
    pub(crate) state: String,
    pub(crate) challenge: String,
    pub(crate) scope: Scope,
    pub(crate) resources: Vec<String>,
}

/// An authorization request that is refused (RFC 6749 §4.1.2.1).
#[derive(Clone, Debug)]
pub(crate) enum AuthorizationRefusal {
    /// Client or redirect address are wrong: told to the person on our own page, never sent anywhere.
    Page(&'static str),
    /// Everything else goes back to the client.
    Redirect(Url),
}

/// What the person at the page says.
#[derive(Clone, Debug)]
pub(crate) enum Verdict {
    /// Yes, as this user; an empty or unusable name becomes `rehearsal-user`.
    Approve { user: String },
    /// No.
    Deny,
}

/// An authorization request that waits for a person; the ticket is its key, and dies with the first answer.
pub(super) struct Consent {
    authorization: Authorization,
    expires: Moment,
}

impl Ledger {
    /// Checks an authorization request without changing anything.
    pub(crate) fn examine(
        &self,
        dialect: Dialect,
        params: &Params,
    ) -> Result<Authorization, AuthorizationRefusal> {
        let page = AuthorizationRefusal::Page;
        let client_id = params.one("client_id").ok_or(page("client_id is missing"))?;
        let client = self
            .clients
            .get(client_id)
            .filter(|client| client.dialect == dialect)
            .ok_or(page("this client is not known here"))?;
        let redirect_text = params
            .one("redirect_uri")
            .ok_or(page("redirect_uri is missing"))?;
        let redirect = Url::parse(redirect_text)
            .ok()
            .filter(|_| client.may_redirect_to(redirect_text))
            .ok_or(page("redirect_uri is not registered for this client"))?;
        match request_of(params) {
            Ok(rest) => Ok(Authorization {
                client_id: client_id.to_owned(),
                client_name: client.name.clone(),
                redirect,
                redirect_text: redirect_text.to_owned(),
                state: rest.state,
                challenge: rest.challenge,
                scope: rest.scope,
                resources: rest.resources,
            }),
            Err(refusal) => Err(AuthorizationRefusal::Redirect(self.refused(
                &redirect,
                params.one("state"),
                refusal,
            ))),
        }
    }

    /// Remembers a valid request and returns the ticket with which a person's answer refers to it.
    pub(crate) fn open_consent(&mut self, authorization: Authorization, now: Moment) -> String {
        self.consents.retain(|_, consent| now < consent.expires);
        let ticket = random::token(Purpose::ConsentTicket);
        let consent = Consent {
            authorization,
            expires: now.plus(CONSENT_TTL),
        };
        self.consents.insert(ticket.clone(), consent);
        ticket
    }

    /// Acts on a person's answer and says where the browser goes next; `None` if the ticket is used, old or made up.
    pub(crate) fn decide(&mut self, ticket: &str, verdict: Verdict, now: Moment) -> Option<Url> {
        let consent = self.consents.remove(ticket)?;
        (now < consent.expires).then(|| self.answer(consent.authorization, verdict, now))
    }

    /// The redirect that answers a request with `verdict`.
    pub(crate) fn answer(&mut self, authorization: Authorization, verdict: Verdict, now: Moment) -> Url {
        let user = match verdict {
            Verdict::Approve { user } => plain_user(&user),
            Verdict::Deny => {
                return self.refused(
                    &authorization.redirect,
                    Some(&authorization.state),
                    Refusal::AccessDenied,
                );
            }
        };
        let mut url = authorization.redirect.clone();
        let state = authorization.state.clone();
        let code = self.issue_code(authorization, user, now);
        url.query_pairs_mut()
            .append_pair("code", &code)
            .append_pair("state", &state)
            .append_pair("iss", &self.issuer);
        url
    }

    fn refused(&self, redirect: &Url, state: Option<&str>, refusal: Refusal) -> Url {
        let mut url = redirect.clone();
        url.query_pairs_mut()
            .append_pair("error", refusal.code())
            .append_pair("error_description", &refusal.to_string());
        if let Some(state) = state {
            url.query_pairs_mut().append_pair("state", state);
        }
        url.query_pairs_mut().append_pair("iss", &self.issuer);
        url
    }
}

/// The parts of a request whose faults may be told to the client.
struct Request {
    state: String,
    challenge: String,
    scope: Scope,
    resources: Vec<String>,
}

fn request_of(params: &Params) -> Result<Request, Refusal> {
    match params.one("response_type") {
        Some("code") => {}
        Some(_) => return Err(Refusal::UnsupportedResponseType),
        None => return Err(Refusal::InvalidRequest("response_type is missing")),
    }
    let state = params
        .one("state")
        .ok_or(Refusal::InvalidRequest("state is missing"))?;
    let challenge = params
        .one("code_challenge")
        .ok_or(Refusal::InvalidRequest("code_challenge is missing"))?;
    if params.one("code_challenge_method") != Some("S256") {
        return Err(Refusal::InvalidRequest("code_challenge_method must be S256"));
    }
    let base64url = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    if challenge.len() != CHALLENGE_CHARACTERS || !challenge.bytes().all(base64url) {
        return Err(Refusal::InvalidRequest("code_challenge is malformed"));
    }
    Ok(Request {
        state: state.to_owned(),
        challenge: challenge.to_owned(),
        scope: Scope::parse(params.one("scope"))?,
        resources: resources_of(params)?,
    })
}

/// The name a person typed, fit to be a `sub` and the local part of an address.
pub(super) fn plain_user(typed: &str) -> String {
    let name: String = typed
        .trim()
        .chars()
        .filter(|character| !character.is_control())
        .take(64)
        .collect();
    if name.is_empty() {
        "rehearsal-user".to_owned()
    } else {
        name
    }
}
