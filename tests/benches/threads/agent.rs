//! The smallest agent that speaks the protocol: it says when a prompt reached it, and streams words that say when they
//! were said. Its prompts are `when`, or `stream COUNT PAUSE_MS`.

use std::io::{BufRead as _, Write as _};
use std::time::Duration;

use serde_json::{Value, json};

use crate::moment::now;

/// What every word of a stream begins with, before its moment.
pub(crate) const MARK: &str = "at";

/// What ends a stream.
pub(crate) const END: &str = "all-said";

/// Serves standard input until its end.
pub(crate) fn serve() {
    for line in std::io::stdin().lock().lines().map_while(Result::ok) {
        let at = now();
        let Ok(request) = serde_json::from_str::<Value>(&line) else {
            continue;
        };
        let answer = match request["method"].as_str() {
            Some("initialize") => json!({ "protocolVersion": 1, "agentCapabilities": {}, "authMethods": [] }),
            Some("session/new") => json!({ "sessionId": "s" }),
            Some("session/prompt") => {
                prompt(&request["params"]["prompt"], at);
                json!({ "stopReason": "end_turn" })
            }
            _ => continue,
        };
        send(&json!({ "jsonrpc": "2.0", "id": request["id"], "result": answer }));
    }
}

fn prompt(content: &Value, at: u128) {
    let text = content[0]["text"].as_str().unwrap_or_default();
    let mut words = text.split_whitespace();
    if words.next() != Some("stream") {
        say(&format!("{MARK}{at}"));
        return;
    }
    let mut number = || {
        words
            .next()
            .and_then(|word| word.parse::<u64>().ok())
            .unwrap_or(1)
    };
    let (count, pause) = (number(), Duration::from_millis(number()));
    for _ in 0..count {
        say(&format!("{MARK}{} ", now()));
        std::thread::park_timeout(pause);
    }
    say(END);
}

fn say(text: &str) {
    let update =
        json!({ "sessionUpdate": "agent_message_chunk", "content": { "type": "text", "text": text } });
    send(
        &json!({ "jsonrpc": "2.0", "method": "session/update", "params": { "sessionId": "s", "update": update } }),
    );
}

fn send(message: &Value) {
    let mut line = message.to_string();
    line.push('\n');
    let mut stdout = std::io::stdout().lock();
    // A supervisor that has gone away is the end.
    let _ = stdout.write_all(line.as_bytes()).and_then(|()| stdout.flush());
}
