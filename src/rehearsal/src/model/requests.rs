//! What is remembered of model requests: who asked what, and what has failed already.

use std::collections::{BTreeMap, HashMap, VecDeque};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Serialize;
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::MOST_RECORDS;

/// Bytes of bodies that are kept at most.
const MOST_BYTES: usize = 32 << 20;

/// Different questions that are counted at most, and how much of each tells it from others.
const MOST_QUESTIONS: usize = 100_000;
const MOST_QUESTION_BYTES: usize = 256;

/// Requests whose failures are remembered at most.
const MOST_FAILURES: usize = 10_000;

/// A model request as it came, without its bearer.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ModelRequest {
    /// The path, such as `/v1/responses`.
    pub path: String,
    /// Who asked: the user for whom the bearer was issued, or `key` for the configured key.
    pub caller: String,
    /// How often the bearer's family had been refreshed; 0 for the key.
    pub generation: u64,
    /// The body.
    pub body: Value,
}

/// A request that can be told from every other one: a retry is the same request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Fingerprint([u8; 32]);

/// The fingerprint of a caller's request. The bearer is no part of it: it may be renewed between two tries.
pub(crate) fn fingerprint(caller: &str, body: &[u8]) -> Fingerprint {
    let mut hash = Sha256::new();
    hash.update(caller.as_bytes());
    hash.update([0]);
    hash.update(body);
    Fingerprint(hash.finalize().into())
}

impl Fingerprint {
    /// A short id made of it.
    pub(crate) fn id(self) -> String {
        URL_SAFE_NO_PAD.encode(&self.0[..9])
    }
}

/// What is remembered.
#[derive(Default)]
pub(crate) struct Requests {
    records: VecDeque<(ModelRequest, usize)>,
    bytes: usize,
    callers: BTreeMap<String, u64>,
    questions: BTreeMap<String, u64>,
    failures: HashMap<Fingerprint, usize>,
}

impl Requests {
    /// Notes a request whose bearer was accepted.
    pub(crate) fn record(&mut self, request: ModelRequest, bytes: usize) {
        *self.callers.entry(request.caller.clone()).or_default() += 1;
        self.bytes += bytes;
        self.records.push_back((request, bytes));
        while self.records.len() > MOST_RECORDS || self.bytes > MOST_BYTES && self.records.len() > 1 {
            self.bytes -= self.records.pop_front().map_or(0, |(_, bytes)| bytes);
        }
    }

    /// The last requests, oldest first.
    pub(crate) fn last(&self) -> Vec<ModelRequest> {
        self.records.iter().map(|(request, _)| request.clone()).collect()
    }

    /// Counts a question: the last message of a person in a request. Long ones count by their beginning.
    pub(crate) fn question(&mut self, text: &str) {
        let short = &text[..text.floor_char_boundary(MOST_QUESTION_BYTES)];
        if self.questions.len() < MOST_QUESTIONS || self.questions.contains_key(short) {
            *self.questions.entry(short.to_owned()).or_default() += 1;
        }
    }

    /// How often each question was asked.
    pub(crate) fn questions(&self) -> BTreeMap<String, u64> {
        self.questions.clone()
    }

    /// How often each caller has asked.
    pub(crate) fn callers(&self) -> BTreeMap<String, u64> {
        self.callers.clone()
    }

    /// How often this request has failed already.
    pub(crate) fn failed(&self, request: Fingerprint) -> usize {
        self.failures.get(&request).copied().unwrap_or_default()
    }

    /// It fails once more.
    pub(crate) fn fail(&mut self, request: Fingerprint) {
        if self.failures.len() >= MOST_FAILURES {
            self.failures.clear();
        }
        *self.failures.entry(request).or_default() += 1;
    }

    /// It is answered: the same request, made another time, fails anew.
    pub(crate) fn succeed(&mut self, request: Fingerprint) {
        self.failures.remove(&request);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(number: usize) -> ModelRequest {
        ModelRequest {
            path: "/v1/responses".into(),
            caller: "alice".into(),
            generation: 0,
            body: Value::from(number),
        }
    }

    #[test]
    fn only_the_last_requests_are_kept() {
        let mut requests = Requests::default();
        for number in 0..MOST_RECORDS + 3 {
            requests.record(request(number), 10);
        }
        assert_eq!(requests.last().len(), MOST_RECORDS);
        assert_eq!(requests.last()[0].body, 3);
        requests.record(request(0), MOST_BYTES);
        assert_eq!(requests.last().len(), 1);
        assert_eq!(requests.callers()["alice"], MOST_RECORDS as u64 + 4);
    }
}
