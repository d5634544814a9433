//! The requests to a vendor's token endpoint. Every vendor's sign-in and refresh goes this way.
//!
//! The crate `oauth2` builds the requests and reads successful answers; sending, limits and the meaning of failures are
//! ours: what a failure says about the refresh token decides whether it may be sent again.

use std::pin::Pin;
use std::sync::Arc;

use oauth2::basic::{BasicErrorResponse, BasicRevocationErrorResponse, BasicTokenIntrospectionResponse};
use oauth2::{
    AuthType, AuthorizationCode, ClientId, ClientSecret, EndpointNotSet, EndpointSet, HttpRequest,
    HttpResponse, PkceCodeVerifier, RedirectUrl, RefreshToken, RequestTokenError, StandardRevocableToken,
    TokenUrl,
};
use secrecy::{ExposeSecret, SecretString};
use url::Url;

use crate::clock::Timestamp;
use crate::entry::Grant;
use crate::vendor::{BodyFormat, Renewal, TokenEndpoint};

mod answer;
mod failure;
mod http;

pub(crate) use answer::{TokenAnswer, account_of};
pub use failure::ExchangeError;
pub(crate) use failure::error_codes;
pub(crate) use http::{Http, Reply};

/// Longest answer that is read.
pub(crate) const MAX_BODY_BYTES: usize = 1024 * 1024;

pub(crate) type Client<HasToken = EndpointSet> = oauth2::Client<
    BasicErrorResponse,
    TokenAnswer,
    BasicTokenIntrospectionResponse,
    StandardRevocableToken,
    BasicRevocationErrorResponse,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    HasToken,
>;

/// What a person's sign-in brought, to be exchanged for tokens (RFC 6749 §4.1.3, RFC 7636 §4.5).
pub(crate) struct CodeExchange<'a> {
    pub(crate) code: &'a SecretString,
    pub(crate) verifier: &'a SecretString,
    pub(crate) redirect_uri: &'a Url,
    pub(crate) resource: Option<&'a str>,
    /// Sent along where the vendor wants it.
    pub(crate) state: Option<&'a str>,
}

/// Redeems a grant's refresh token (RFC 6749 §6). No scope is sent: the grant keeps what it has.
///
/// `keep` gets the body of a successful answer before anything is made of it. Errors: see [`ExchangeError`]; which of
/// them leave the refresh token unspent is theirs to say.
pub(crate) async fn refresh(
    http: &Http,
    endpoint: &TokenEndpoint,
    grant: &Grant,
    keep: impl Fn(&SecretString),
) -> Result<(), ExchangeError> {
    let Some(secret) = &grant.refresh_token else {
        return Err(ExchangeError::NothingToSend);
    };
    if let Renewal::Mint { url, scheme } = &endpoint.renewal {
        let reply = http.send(http.get(url, Some((scheme, secret)))).await?;
        let body = answer::minted(&reply.success(endpoint)?, Timestamp::now())?;
        keep(&body);
        return Ok(());
    }
    let client = client(endpoint, &grant.client_id);
    let token = RefreshToken::new(secret.expose_secret().to_owned());
    let mut request = client.exchange_refresh_token(&token);
    if let Some(resource) = &grant.resource {
        request = request.add_extra_param("resource", resource);
    }
    let send = |request| exchange(http, endpoint, request, endpoint.refresh_body, &keep);
    let refreshed = request.request_async(&send).await.map(drop).map_err(of_oauth2);
    refreshed.map_err(|error| error.without(&[secret]))
}

/// Exchanges a code for tokens.
pub(crate) async fn exchange_code(
    http: &Http,
    endpoint: &TokenEndpoint,
    exchanged: &CodeExchange<'_>,
) -> Result<TokenAnswer, ExchangeError> {
    let client = client(endpoint, &endpoint.client_id)
        .set_redirect_uri(RedirectUrl::from_url(exchanged.redirect_uri.clone()));
    let mut request = client
        .exchange_code(AuthorizationCode::new(exchanged.code.expose_secret().to_owned()))
        .set_pkce_verifier(PkceCodeVerifier::new(
            exchanged.verifier.expose_secret().to_owned(),
        ));
    if let Some(resource) = exchanged.resource {
        request = request.add_extra_param("resource", resource);
    }
    if let Some(state) = exchanged.state {
        request = request.add_extra_param("state", state);
    }
    let send = sends(http, endpoint, endpoint.code_body);
    let answer = request.request_async(&send).await.map_err(of_oauth2);
    answer.map_err(|error| error.without(&[exchanged.code, exchanged.verifier]))
}

/// Gives a grant back (RFC 7009). `false`: this vendor has no way to.
///
/// Written out because the crate's own request refuses plain http also on loopback.
pub(crate) async fn revoke(
    http: &Http,
    endpoint: &TokenEndpoint,
    grant: &Grant,
) -> Result<bool, ExchangeError> {
    let Some(url) = &endpoint.revoke_url else {
        return Ok(false);
    };
    let reply = http
        .send(http.form_body(url, revocation(endpoint, grant)))
        .await?;
    reply.success_status(endpoint)?;
    Ok(true)
}

/// The form of a revocation request (RFC 7009 §2.1).
fn revocation(endpoint: &TokenEndpoint, grant: &Grant) -> String {
    let (token, hint) = match &grant.refresh_token {
        Some(token) => (token, "refresh_token"),
        None => (&grant.access_token, "access_token"),
    };
    let mut form = url::form_urlencoded::Serializer::new(String::new());
    form.append_pair("token", token.expose_secret())
        .append_pair("token_type_hint", hint);
    form.append_pair("client_id", &grant.client_id);
    if let Some(secret) = &endpoint.client_secret {
        form.append_pair("client_secret", secret.expose_secret());
    }
    form.finish()
}

/// The server's clock, from the `Date` of any answer of the token endpoint (RFC 9110 §6.6.1); `None` if it sends none.
pub(crate) async fn server_clock(
    http: &Http,
    endpoint: &TokenEndpoint,
) -> Result<Option<Timestamp>, ExchangeError> {
    let reply = http.send(http.get(&endpoint.token_url, None)).await?;
    let date = reply
        .date
        .and_then(|date| chrono::DateTime::parse_from_rfc2822(&date).ok());
    Ok(date.map(|date| Timestamp::from_millis(date.timestamp_millis())))
}

/// A client of `oauth2` for an endpoint.
pub(crate) fn client(endpoint: &TokenEndpoint, client_id: &str) -> Client {
    let client = Client::<EndpointNotSet>::new(ClientId::new(client_id.to_owned()))
        .set_token_uri(TokenUrl::from_url(endpoint.token_url.clone()))
        .set_auth_type(if endpoint.basic_auth {
            AuthType::BasicAuth
        } else {
            AuthType::RequestBody
        });
    match &endpoint.client_secret {
        Some(secret) => client.set_client_secret(ClientSecret::new(secret.expose_secret().to_owned())),
        None => client,
    }
}

/// The HTTP client that `oauth2` is given: sends in the vendor's format, and answers only with a token answer.
async fn exchange(
    http: &Http,
    endpoint: &TokenEndpoint,
    request: HttpRequest,
    format: BodyFormat,
    keep: &impl Fn(&SecretString),
) -> Result<HttpResponse, ExchangeError> {
    let reply = http.send(http.request(request, format)).await?;
    let body = reply.success(endpoint)?;
    keep(&body);
    // Status 200 and no content type: vendors differ in both, and the body was looked at already.
    Ok(HttpResponse::new(body.expose_secret().as_bytes().to_vec()))
}

/// A request under way that may move between threads.
pub(crate) type Sending = Pin<Box<dyn Future<Output = Result<HttpResponse, ExchangeError>> + Send>>;

/// The HTTP client that `oauth2` is given for a sign-in. It owns what it needs, because through a borrow the compiler
/// can't see that the crate's futures may move between threads.
pub(crate) fn sends(
    http: &Http,
    endpoint: &TokenEndpoint,
    format: BodyFormat,
) -> impl Fn(HttpRequest) -> Sending + Send + Sync + use<> {
    let shared = Arc::new((http.clone(), endpoint.clone()));
    move |request| {
        let shared = Arc::clone(&shared);
        Box::pin(async move { exchange(&shared.0, &shared.1, request, format, &|_| {}).await })
    }
}

/// As [`sends`], for polls: a complete answer goes to the crate as it is, which reads "pending" and "slow down" itself.
pub(crate) fn passes_on(
    http: &Http,
    endpoint: &TokenEndpoint,
) -> impl Fn(HttpRequest) -> Sending + Send + Sync + use<> {
    let (http, format) = (http.clone(), endpoint.code_body);
    move |request| {
        let (http, request) = (http.clone(), http.request(request, format));
        Box::pin(async move { http.send(request).await?.into_response() })
    }
}

/// The failure inside an error of `oauth2`, without the body that such an error carries.
pub(crate) fn of_oauth2<T: oauth2::ErrorResponse + 'static>(
    error: RequestTokenError<ExchangeError, T>,
) -> ExchangeError {
    match error {
        RequestTokenError::Request(error) => error,
        // The parse error holds the body; it is dropped here.
        RequestTokenError::ServerResponse(_) | RequestTokenError::Parse(..) => ExchangeError::Malformed {
            what: "the answer is not a token answer".into(),
        },
        RequestTokenError::Other(_) => ExchangeError::Malformed {
            what: "the request could not be made".into(),
        },
    }
}
