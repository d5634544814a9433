//! Token families: one sign-in, the refresh tokens that follow each other, and the access tokens they bring.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{CODEX_CLIENT, Ledger, Refusal, Scope};
use crate::counts::Counter;
use crate::jwt;
use crate::moment::Moment;
use crate::random::{self, Purpose};

/// Life of an id token.
const ID_TOKEN_TTL: Duration = Duration::from_hours(1);

/// One sign-in and everything that was issued because of it.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Family {
    client_id: String,
    user: String,
    scope: Scope,
    resources: Vec<String>,
    generation: u64,
    life: Life,
    access_expires: Moment,
}

#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
enum Life {
    Live,
    Revoked,
}

/// The place of a family in the ledger; families are never removed, so it stays valid.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct FamilyId(usize);

/// A refresh token is spent by its first use and remembered for ever, so that a second use is noticed.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct RefreshToken {
    family: FamilyId,
    spent: bool,
    expires: Option<Moment>,
}

/// An access token that was issued; `expires` is moved into the past when it is revoked alone.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct AccessToken {
    family: FamilyId,
    scope: Scope,
    generation: u64,
    expires: Moment,
}

/// A grant that somebody approved, about to become a family.
pub(super) struct Approval {
    pub(super) client_id: String,
    pub(super) user: String,
    pub(super) scope: Scope,
    pub(super) resources: Vec<String>,
}

/// The answer of a token endpoint (RFC 6749 §5.1). Not `Debug`: it holds tokens.
#[derive(Serialize)]
pub(crate) struct Tokens {
    pub(crate) access_token: String,
    token_type: &'static str,
    pub(crate) expires_in: u64,
    pub(crate) refresh_token: String,
    pub(crate) scope: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) id_token: Option<String>,
}

/// Whom an access token speaks for: the answer of the protected resource.
#[derive(Debug, Serialize)]
pub(crate) struct Bearer {
    pub(crate) sub: String,
    scope: String,
    family: usize,
    pub(crate) generation: u64,
    resource: Vec<String>,
}

impl Ledger {
    /// Begins a family and issues its first tokens.
    pub(super) fn start_family(&mut self, approval: Approval, now: Moment) -> (FamilyId, Tokens) {
        let id = FamilyId(self.families.len());
        let scope = approval.scope.clone();
        self.families.push(Family {
            client_id: approval.client_id,
            user: approval.user,
            scope: approval.scope,
            resources: approval.resources,
            generation: 0,
            life: Life::Live,
            access_expires: now,
        });
        self.counts.add(Counter::FamiliesStarted);
        (id, self.issue(id, &scope, now))
    }

    /// Rotates: `token` is spent and the next one issued. A spent token kills its family.
    pub(super) fn refresh(
        &mut self,
        client_id: &str,
        token: &str,
        ask: &RefreshAsk<'_>,
        now: Moment,
    ) -> Result<Tokens, Refusal> {
        let known = self
            .refresh_tokens
            .get(token)
            .ok_or(Refusal::RefreshTokenInvalidated)?;
        let (id, spent, expires) = (known.family, known.spent, known.expires);
        let family = &self.families[id.0];
        if family.client_id != client_id {
            return Err(Refusal::InvalidGrant(
                "the refresh token was issued to another client",
            ));
        }
        if spent {
            self.counts.add(Counter::ReuseDetected);
            self.revoke_family(id);
            return Err(Refusal::RefreshTokenReused);
        }
        if family.life == Life::Revoked {
            return Err(Refusal::RefreshTokenInvalidated);
        }
        if expires.is_some_and(|expires| expires <= now) {
            return Err(Refusal::RefreshTokenExpired);
        }
        if !same_set(&family.resources, &ask.resources) {
            return Err(Refusal::InvalidTarget(
                "the resource must be the one of the grant",
            ));
        }
        // Narrower for this access token only; the family keeps the scope it was granted (RFC 6749 §6).
        let scope = family.scope.narrowed(ask.scope)?;
        if let Some(known) = self.refresh_tokens.get_mut(token) {
            known.spent = true;
        }
        self.families[id.0].generation += 1;
        self.counts.add(Counter::Rotations);
        Ok(self.issue(id, &scope, now))
    }

    /// How long the newest access token still lives that came with this unspent refresh token of a live family.
    pub(crate) fn access_left(&self, refresh_token: &str, now: Moment) -> Option<Duration> {
        let known = self
            .refresh_tokens
            .get(refresh_token)
            .filter(|known| !known.spent)?;
        let family = &self.families[known.family.0];
        let left = now.until(family.access_expires);
        (family.life == Life::Live && !left.is_zero()).then_some(left)
    }

    /// Whom an access token speaks for, if it is known, unexpired and of a live family.
    pub(crate) fn introspect(&mut self, access_token: &str, now: Moment) -> Option<Bearer> {
        let bearer = self.bearer(access_token, now);
        self.counts.add(if bearer.is_some() {
            Counter::ResourceOk
        } else {
            Counter::ResourceDenied
        });
        bearer
    }

    /// Revokes one token (RFC 7009 §2.1): a refresh token takes its family along. Unknown tokens are no error.
    pub(super) fn revoke_token(&mut self, client_id: &str, token: &str, now: Moment) -> Result<(), Refusal> {
        let refresh = self.refresh_tokens.get(token).map(|known| known.family);
        let access = self.access_tokens.get(token).map(|known| known.family);
        let Some(family) = refresh.or(access) else {
            return Ok(());
        };
        if self.families[family.0].client_id != client_id {
            return Err(Refusal::UnauthorizedClient(
                "the token was issued to another client",
            ));
        }
        if refresh.is_some() {
            self.revoke_family(family);
        } else if let Some(known) = self.access_tokens.get_mut(token) {
            known.expires = now;
        }
        Ok(())
    }

    /// Refuses every access token issued so far; the families live on.
    pub(crate) fn expire_access_tokens(&mut self, now: Moment) {
        for token in self.access_tokens.values_mut() {
            token.expires = token.expires.min(now);
        }
        for family in &mut self.families {
            family.access_expires = family.access_expires.min(now);
        }
    }

    /// Revokes every family.
    pub(crate) fn revoke_all_families(&mut self) {
        for index in 0..self.families.len() {
            self.revoke_family(FamilyId(index));
        }
    }

    pub(super) fn revoke_family(&mut self, id: FamilyId) {
        let family = &mut self.families[id.0];
        if family.life == Life::Live {
            family.life = Life::Revoked;
            self.counts.add(Counter::FamiliesRevoked);
        }
    }

    /// As [`Ledger::introspect`], not counted.
    pub(crate) fn bearer(&self, access_token: &str, now: Moment) -> Option<Bearer> {
        let token = self.access_tokens.get(access_token)?;
        let family = &self.families[token.family.0];
        (family.life == Life::Live && now < token.expires).then(|| Bearer {
            sub: family.user.clone(),
            scope: token.scope.to_string(),
            family: token.family.0,
            generation: token.generation,
            resource: family.resources.clone(),
        })
    }

    fn issue(&mut self, id: FamilyId, scope: &Scope, now: Moment) -> Tokens {
        let expires = now.plus(self.settings.access_ttl);
        let family = &mut self.families[id.0];
        family.access_expires = expires;
        let random = random::token(Purpose::AccessToken);
        let access_token = if self.settings.jwt {
            jwt::unsigned(&family.access_claims(&self.issuer, scope, now, expires), &random)
        } else {
            random
        };
        let id_token = scope
            .has("openid")
            .then(|| jwt::unsigned(&family.id_claims(&self.issuer, now), "unsigned"));
        let refresh_token = random::token(Purpose::RefreshToken);
        self.refresh_tokens.insert(
            refresh_token.clone(),
            RefreshToken {
                family: id,
                spent: false,
                expires: self.settings.refresh_ttl.map(|ttl| now.plus(ttl)),
            },
        );
        self.access_tokens.insert(
            access_token.clone(),
            AccessToken {
                family: id,
                scope: scope.clone(),
                generation: family.generation,
                expires,
            },
        );
        Tokens {
            access_token,
            token_type: "Bearer",
            expires_in: self.settings.access_ttl.as_secs(),
            refresh_token,
            scope: scope.to_string(),
            id_token,
        }
    }
}

/// What a refresh may ask for besides the next tokens.
pub(super) struct RefreshAsk<'a> {
    pub(super) scope: Option<&'a str>,
    pub(super) resources: Vec<String>,
}

impl Family {
    fn access_claims(&self, issuer: &str, scope: &Scope, now: Moment, expires: Moment) -> Value {
        json!({
            "iss": issuer,
            "sub": self.user,
            "aud": self.resources,
            "client_id": self.client_id,
            "scope": scope.to_string(),
            "iat": now.seconds(),
            "exp": expires.seconds(),
        })
    }

    fn id_claims(&self, issuer: &str, now: Moment) -> Value {
        let mut claims = json!({
            "iss": issuer,
            "sub": self.user,
            "email": format!("{}@rehearsal.invalid", self.user),
            "aud": self.client_id,
            "iat": now.seconds(),
            "exp": now.plus(ID_TOKEN_TTL).seconds(),
        });
        if self.client_id == CODEX_CLIENT {
            claims["https://api.openai.com/auth"] =
                json!({ "chatgpt_account_id": format!("acct-{}", self.user) });
        }
        claims
    }
}

fn same_set(one: &[String], other: &[String]) -> bool {
    one.iter().all(|item| other.contains(item)) && other.iter().all(|item| one.contains(item))
}
