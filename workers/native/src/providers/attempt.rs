//! One try: the request out, the stream in.

use std::time::{Duration, SystemTime};

use reqwest::{Client, Response};
use secrecy::SecretString;
use serde_json::Value;
use tokio::time::Instant;
use url::Url;

use super::Progress;
use super::format::{Reader, StreamFailure};
use super::payment::Purse;
use super::retry::{Failure, address};
use super::said::Said;
use super::sse::{Decoder, EVENT_LIMIT, Event};
use super::{halves, http};

/// Most bytes of one answer. Deltas, and the repetition of all of them at the end, are far below.
const ANSWER_LIMIT: usize = 4 * EVENT_LIMIT;

/// Most bytes of an answer that are kept until it is known to be a stream.
const WHOLE_LIMIT: usize = 1024 * 1024;

/// How long the end of an answer is waited for that says nothing more, so that its connection serves the next call.
const LINGER: Duration = Duration::from_millis(100);

/// So long a server that only says that it is there counts as one that works: it reads what is long. Then people are told
/// that it is silent.
const READING: Duration = Duration::from_mins(10);

/// One try.
pub(super) struct Attempt<'a> {
    pub(super) client: &'a Client,
    pub(super) url: &'a Url,
    pub(super) body: &'a Value,
    pub(super) secret: Option<&'a SecretString>,
    pub(super) purse: Option<&'a Purse>,
    /// The longest silence.
    pub(super) patience: Duration,
}

impl Attempt<'_> {
    /// Sends the request and reads the answer into `reader`, which then holds the reply, or what came of it.
    pub(super) async fn run(
        &self,
        reader: &mut Reader,
        out: &mut (dyn FnMut(Progress) + Send),
    ) -> Result<(), Failure> {
        let response = http::send(self.client, self.url, self.secret, self.body, self.patience).await?;
        if !response.status().is_success() {
            return Err(self.refusal(response).await);
        }
        if let Some(encoding) = http::encoding(response.headers()) {
            return Err(Failure::NoApi(format!(
                "{} sent an answer that is compressed ({encoding}), which was not asked for\nhint: whatever stands between this \
                 machine and the model must pass answers on as they are",
                http::place(self.url)
            )));
        }
        let read = match &*http::media_type(response.headers()) {
            "application/json" => self.whole(response, reader, out).await,
            "text/html" => Err(self.no_api("a web page")),
            _ => self.stream(response, reader, out).await,
        };
        match read {
            // All that matters had come before the connection broke.
            Err(Failure::Broken(_) | Failure::Silent(_)) if reader.may_end() => Ok(()),
            read => read,
        }
    }

    async fn refusal(&self, response: Response) -> Failure {
        let status = response.status().as_u16();
        let retry_after = http::retry_after(response.headers(), SystemTime::now());
        let body = match http::encoding(response.headers()) {
            None => http::error_body(response).await,
            // What can't be read says nothing.
            Some(_) => vec![],
        };
        Failure::Status {
            status,
            retry_after,
            is_rejection: match self.purse {
                Some(purse) => purse.is_rejection(status, &body),
                None => status == 401,
            },
            at: http::place(self.url),
            said: Box::new(Said::of_body(&body).without(self.secret)),
        }
    }

    async fn stream(
        &self,
        mut response: Response,
        reader: &mut Reader,
        out: &mut (dyn FnMut(Progress) + Send),
    ) -> Result<(), Failure> {
        let (mut decoder, mut events, mut length) = (Decoder::default(), vec![], 0);
        let mut head = vec![];
        let mut last_event = Instant::now();
        while let Some(chunk) = response
            .chunk()
            .await
            .map_err(|error| http::failure(&error, self.url, self.patience))?
        {
            length += chunk.len();
            if !decoder.is_stream() && head.len() < WHOLE_LIMIT {
                head.extend_from_slice(&chunk[..chunk.len().min(WHOLE_LIMIT)]);
            }
            let pushed = decoder.push(&chunk, &mut events);
            if !events.is_empty() {
                last_event = Instant::now();
            }
            self.take(&mut events, reader, out)?;
            if last_event.elapsed() < READING {
                out(Progress::Alive);
            }
            if pushed.is_err() || length > ANSWER_LIMIT {
                return Err(too_long());
            }
            if reader.is_complete() {
                // Whether the rest comes or not changes nothing.
                let _ = tokio::time::timeout(LINGER, response.chunk()).await;
                return Ok(());
            }
        }
        decoder.finish(&mut events).map_err(|_| too_long())?;
        match self.take(&mut events, reader, out) {
            Err(failure @ Failure::Stream(_)) => Err(failure),
            // The last event may be a half one.
            _ if reader.may_end() => Ok(()),
            _ if !decoder.is_stream() && length > 0 => self.no_stream(&head, reader, out),
            _ => Err(Failure::Broken("the answer ended before it was whole".into())),
        }
    }

    /// A whole answer, or a failure, that is called a stream.
    fn no_stream(
        &self,
        body: &[u8],
        reader: &mut Reader,
        out: &mut (dyn FnMut(Progress) + Send),
    ) -> Result<(), Failure> {
        let no_api = || Err(self.no_api("what is no stream of events"));
        let Ok(value) = halves::parse(body) else {
            return no_api();
        };
        reader
            .event_of_whole(&value, out)
            .map_err(|failure| self.failure(failure))?;
        if reader.may_end() { Ok(()) } else { no_api() }
    }

    fn take(
        &self,
        events: &mut Vec<Event>,
        reader: &mut Reader,
        out: &mut (dyn FnMut(Progress) + Send),
    ) -> Result<(), Failure> {
        events
            .drain(..)
            .try_for_each(|event| reader.event(&event, out))
            .map_err(|failure| self.failure(failure))
    }

    /// An answer of a server that does not stream.
    async fn whole(
        &self,
        mut response: Response,
        reader: &mut Reader,
        out: &mut (dyn FnMut(Progress) + Send),
    ) -> Result<(), Failure> {
        let mut body = vec![];
        while let Some(chunk) = response
            .chunk()
            .await
            .map_err(|error| http::failure(&error, self.url, self.patience))?
        {
            body.extend_from_slice(&chunk);
            if body.len() > EVENT_LIMIT {
                return Err(too_long());
            }
        }
        let value = halves::parse(&body).map_err(|_| self.failure(StreamFailure::Nonsense))?;
        reader
            .event_of_whole(&value, out)
            .map_err(|failure| self.failure(failure))?;
        if reader.may_end() {
            Ok(())
        } else {
            Err(self.failure(StreamFailure::Nonsense))
        }
    }

    fn failure(&self, failure: StreamFailure) -> Failure {
        match failure {
            StreamFailure::Said(said) => Failure::Stream(said.without(self.secret)),
            StreamFailure::Nonsense => Failure::NoApi(format!(
                "{} answered in a way that this wire format does not know\nhint: `provider` of the agent may be the other one; {}",
                http::place(self.url),
                address(&http::place(self.url))
            )),
        }
    }

    fn no_api(&self, came: &str) -> Failure {
        let place = http::place(self.url);
        Failure::NoApi(format!(
            "there is no model API at {place}: {came} came instead of an answer\nhint: {}",
            address(&place)
        ))
    }
}

fn too_long() -> Failure {
    Failure::Nonsense(format!(
        "the provider's answer is longer than {} MiB",
        ANSWER_LIMIT / 1024 / 1024
    ))
}
