//! The ledger's promises, on a clock that stands still.

mod devices;
mod front;
mod refresh;

use std::time::Duration;

use url::Url;

use super::token_request::challenge_of;
use super::{
    Authorization, AuthorizationRefusal, Credentials, Dialect, Ledger, REHEARSAL_CLIENT, Refusal, Tokens,
    Verdict,
};
use crate::Config;
use crate::counts::Counter;
use crate::moment::Moment;
use crate::params::Params;
use crate::settings::Settings;

const ISSUER: &str = "http://127.0.0.1:9";
const REDIRECT: &str = "http://127.0.0.1:4000/callback";
const VERIFIER: &str = "a-verifier-that-is-long-enough-to-be-a-verifier";

/// A ledger and the time it is told.
struct Bench {
    ledger: Ledger,
    now: Moment,
}

impl Bench {
    fn new() -> Self {
        Self {
            ledger: Ledger::new(ISSUER, Settings::new(&Config::default())),
            now: Moment::from_seconds(1_000_000),
        }
    }

    fn pass(&mut self, seconds: u64) {
        self.now = self.now.plus(Duration::from_secs(seconds));
    }

    fn count(&self, counter: Counter) -> u64 {
        self.ledger.counts.get(counter)
    }

    /// An authorization request with `more` added or put in place of what is usual.
    fn examine(&self, more: &[(&str, &str)]) -> Result<Authorization, AuthorizationRefusal> {
        let challenge = challenge_of(VERIFIER).unwrap();
        let usual = [
            ("response_type", "code"),
            ("client_id", REHEARSAL_CLIENT),
            ("redirect_uri", REDIRECT),
            ("state", "st"),
            ("code_challenge", &challenge),
            ("code_challenge_method", "S256"),
            ("scope", "openid offline_access"),
        ];
        self.ledger.examine(Dialect::Standard, &params(&usual, more))
    }

    fn approve(&mut self, more: &[(&str, &str)]) -> String {
        let authorization = self.examine(more).unwrap();
        let verdict = Verdict::Approve {
            user: "alice".to_owned(),
        };
        let url = self.ledger.answer(authorization, verdict, self.now);
        query(&url, "code").unwrap()
    }

    fn exchange(&mut self, code: &str, more: &[(&str, &str)]) -> Result<Tokens, Refusal> {
        let usual = [
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", REDIRECT),
            ("code_verifier", VERIFIER),
        ];
        self.token(&params(&usual, more))
    }

    fn sign_in(&mut self) -> Tokens {
        let code = self.approve(&[]);
        self.exchange(&code, &[]).unwrap()
    }

    fn refresh(&mut self, token: &str, more: &[(&str, &str)]) -> Result<Tokens, Refusal> {
        let usual = [("grant_type", "refresh_token"), ("refresh_token", token)];
        self.token(&params(&usual, more))
    }

    fn token(&mut self, params: &Params) -> Result<Tokens, Refusal> {
        self.ledger
            .token(Dialect::Standard, &rehearsal(), params, self.now)
    }

    fn works(&mut self, tokens: &Tokens) -> bool {
        self.ledger.introspect(&tokens.access_token, self.now).is_some()
    }
}

fn rehearsal() -> Credentials {
    Credentials {
        client_id: REHEARSAL_CLIENT.to_owned(),
        secret: None,
    }
}

/// `usual` without the names that `more` has, then `more`; an empty value takes a parameter away.
fn params(usual: &[(&str, &str)], more: &[(&str, &str)]) -> Params {
    let kept = usual
        .iter()
        .filter(|(name, _)| !more.iter().any(|(other, _)| name == other));
    let text = url::form_urlencoded::Serializer::new(String::new())
        .extend_pairs(kept.chain(more))
        .finish();
    Params::from_form(text.as_bytes()).unwrap()
}

fn query(url: &Url, name: &str) -> Option<String> {
    url.query_pairs()
        .find(|(known, _)| known == name)
        .map(|(_, value)| value.into_owned())
}
