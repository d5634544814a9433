//! A model server with a script: Chat Completions, one connection at a time, every request kept.

use std::collections::VecDeque;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::time::Duration;

use serde_json::{Value, json};

/// Nothing here takes long.
const PATIENCE: Duration = Duration::from_secs(30);

/// What the model does with a request.
pub(crate) enum Answer {
    /// Streams these events.
    Events(Vec<Value>),
    /// No answer: a status, further lines of the head, and a JSON body.
    Refusal(u16, &'static str, Value),
    /// Streams these words, then nothing, for ever.
    Half(&'static str),
    /// Nothing, for ever.
    Silence,
}

impl Answer {
    pub(crate) fn words(words: &str) -> Self {
        Self::Events(vec![
            json!({"choices": [{"index": 0, "delta": {"role": "assistant", "content": words}}]}),
            json!({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}),
        ])
    }

    pub(crate) fn call(name: &str, arguments: &Value) -> Self {
        Self::calls(&[("call_1", name, &arguments.to_string())])
    }

    /// Calls: id, name and arguments as they are written.
    pub(crate) fn calls(calls: &[(&str, &str, &str)]) -> Self {
        let call = |(index, (id, name, arguments)): (usize, &(&str, &str, &str))| {
            json!({
                "index": index, "id": id, "type": "function",
                "function": {"name": name, "arguments": arguments},
            })
        };
        let calls: Vec<Value> = calls.iter().enumerate().map(call).collect();
        Self::Events(vec![
            json!({"choices": [{"index": 0, "delta": {"role": "assistant", "tool_calls": calls}}]}),
            json!({"choices": [{"index": 0, "delta": {}, "finish_reason": "tool_calls"}]}),
        ])
    }

    /// Ends for this reason, with this delta.
    pub(crate) fn ends(delta: &Value, reason: &str) -> Self {
        Self::Events(vec![
            json!({"choices": [{"index": 0, "delta": delta}]}),
            json!({"choices": [{"index": 0, "delta": {}, "finish_reason": reason}]}),
        ])
    }

    /// A request that is longer than the model can take.
    pub(crate) fn too_long() -> Self {
        let error = json!({"message": "too long", "code": "context_length_exceeded"});
        Self::Refusal(400, "", json!({ "error": error }))
    }
}

/// A running server. Its threads end with the test.
pub(crate) struct ModelServer {
    address: SocketAddr,
    state: Arc<State>,
}

#[derive(Default)]
struct State {
    script: Mutex<Script>,
    asked: Condvar,
}

#[derive(Default)]
struct Script {
    answers: VecDeque<Answer>,
    requests: Vec<Value>,
}

impl State {
    fn lock(&self) -> MutexGuard<'_, Script> {
        self.script.lock().expect("no thread panicked")
    }
}

impl ModelServer {
    pub(crate) fn start(answers: impl IntoIterator<Item = Answer>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let server = Self {
            address: listener.local_addr().expect("an address"),
            state: Arc::default(),
        };
        server.then(answers);
        let state = server.state.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let state = state.clone();
                std::thread::spawn(move || serve(stream, &state));
            }
        });
        server
    }

    pub(crate) fn base_url(&self) -> String {
        format!("http://{}/v1", self.address)
    }

    /// Another script from now on.
    pub(crate) fn then(&self, answers: impl IntoIterator<Item = Answer>) {
        self.state.lock().answers = answers.into_iter().collect();
    }

    pub(crate) fn wait_for_requests(&self, count: usize) {
        let script = self.state.lock();
        let asked = self
            .state
            .asked
            .wait_timeout_while(script, PATIENCE, |script| script.requests.len() < count);
        let (_script, waited) = asked.expect("no thread panicked");
        assert!(!waited.timed_out(), "the model was not asked {count} times");
    }

    pub(crate) fn requests(&self) -> Vec<Value> {
        self.state.lock().requests.clone()
    }

    pub(crate) fn last_request(&self) -> Value {
        let script = self.state.lock();
        script.requests.last().cloned().expect("the model was asked")
    }
}

/// One request of one connection.
fn serve(mut stream: TcpStream, state: &State) {
    let mut reader = BufReader::new(stream.try_clone().expect("a socket"));
    let mut length = 0;
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).unwrap_or(0) == 0 {
            return;
        }
        let line = line.trim().to_ascii_lowercase();
        if let Some(value) = line.strip_prefix("content-length:") {
            length = value.trim().parse().expect("a length");
        }
        if line.is_empty() {
            break;
        }
    }
    let mut body = vec![0; length];
    if reader.read_exact(&mut body).is_err() {
        return;
    }
    let answer = {
        let mut script = state.lock();
        script.requests.push(serde_json::from_slice(&body).expect("JSON"));
        state.asked.notify_all();
        script.answers.pop_front()
    };
    match answer {
        Some(Answer::Events(events)) => {
            // A client that has gone away wants no answer.
            let _ = stream.write_all((streamed(&events) + "data: [DONE]\n\n").as_bytes());
        }
        Some(Answer::Half(words)) => {
            let event = json!({"choices": [{"index": 0, "delta": {"role": "assistant", "content": words}}]});
            let _ = stream.write_all(streamed(&[event]).as_bytes());
            let _ = reader.read(&mut [0]);
        }
        Some(Answer::Refusal(status, head, body)) => {
            let body = body.to_string();
            let text = format!(
                "HTTP/1.1 {status} No\r\ncontent-type: application/json\r\ncontent-length: {}\r\n{head}connection: close\r\n\r\n{body}",
                body.len()
            );
            let _ = stream.write_all(text.as_bytes());
        }
        Some(Answer::Silence) | None => {
            // Until the other end closes.
            let _ = reader.read(&mut [0]);
        }
    }
}

/// The beginning of an answer.
fn streamed(events: &[Value]) -> String {
    let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n";
    let mut text = head.to_owned();
    for event in events {
        text.extend(["data: ", &event.to_string(), "\n\n"]);
    }
    text
}
