//! An agent that is not ours: it speaks the Agent Client Protocol in its own way, with nothing of this project in it. What
//! it does at start is said by its arguments, what it does in a turn by the lines of the message.

use std::fs;
use std::io::{BufRead as _, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use serde_json::{Value, json};

/// How a prompt ended, or what the rest of it is about.
type Ending = Result<Value, Value>;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let has = |name: &str| arguments.iter().any(|argument| argument == name);
    let after = |name: &str| {
        let at = arguments.iter().position(|argument| argument == name)?;
        arguments.get(at + 1).cloned()
    };
    if let Some(code) = after("--exit").and_then(|code| code.parse::<u8>().ok()) {
        eprintln_all("first line\nlicence server \u{1b}[31mnot reachable\n");
        return ExitCode::from(code);
    }
    if has("--babble") {
        say_line("Welcome to the shell! Type help.");
    }
    let (tell, heard) = channel();
    std::thread::spawn(move || {
        for line in std::io::stdin().lock().lines().map_while(Result::ok) {
            if let Ok(message) = serde_json::from_str::<Value>(&line)
                && tell.send(message).is_err()
            {
                return;
            }
        }
    });
    if has("--hang") {
        // Also the end of its input does not end it.
        eprintln_all("looking for updates …\n");
        park();
    }
    let home = PathBuf::from(std::env::var_os("HOME").unwrap_or_default()).join("foreign");
    let forgets = has("--forgets");
    let mut agent = Agent {
        heard,
        forgets,
        home,
        version: after("--version")
            .and_then(|version| version.parse().ok())
            .unwrap_or(1),
        slow: after("--slow").and_then(|millis| millis.parse().ok()),
        login: after("--login").map(PathBuf::from),
        key: after("--key"),
        is_signed_in: false,
        start: arguments,
        model: "one".to_owned(),
        mode: "ask".to_owned(),
        is_cancelled: false,
        next: 0,
    };
    while let Ok(message) = agent.heard.recv() {
        if let Some(code) = agent.handle(&message) {
            return ExitCode::from(code);
        }
    }
    ExitCode::SUCCESS
}

struct Agent {
    heard: Receiver<Value>,
    home: PathBuf,
    version: u16,
    slow: Option<u64>,
    /// There is no session before this file is there.
    login: Option<PathBuf>,
    /// There is no session before it was told to take the key in this variable, which has to be there.
    key: Option<String>,
    is_signed_in: bool,
    /// What it was started with: how its sessions begin.
    start: Vec<String>,
    /// Which model it uses.
    model: String,
    /// In which mode it works.
    mode: String,
    forgets: bool,
    is_cancelled: bool,
    next: u64,
}

impl Agent {
    /// An exit code if that is what was asked for.
    fn handle(&mut self, message: &Value) -> Option<u8> {
        let id = &message["id"];
        let params = &message["params"];
        let answer = match message["method"].as_str() {
            Some("initialize") => {
                if let Some(millis) = self.slow {
                    // Nothing comes before the answer, so this is a pause.
                    let _ = self.heard.recv_timeout(Duration::from_millis(millis));
                }
                Ok(json!({
                    "protocolVersion": self.version,
                    "agentCapabilities": {
                        "loadSession": !self.forgets,
                        "promptCapabilities": { "image": true, "future": { "x": 1 } },
                        "mcpCapabilities": { "http": true },
                    },
                    "authMethods": [
                        { "id": "sso", "name": "Company sign-in", "description": "run `foreign login` in a terminal" },
                        { "id": 7, "shape": "of next year" },
                        { "id": "own", "name": "A key", "type": "env_var", "vars": [{ "name": self.key }] },
                    ],
                    "agentInfo": { "name": "foreign", "version": "0.0.1" },
                    "somethingNew": true,
                }))
            }
            Some("authenticate") => {
                let is_there = self
                    .key
                    .as_ref()
                    .is_some_and(|name| std::env::var_os(name).is_some());
                self.is_signed_in = is_there && params["methodId"] == "own";
                Ok(json!({}))
            }
            Some("session/new") if self.starts("--refuse").is_some() => Err(json!({
                "code": -32603, "message": "Internal error", "data": { "details": "its settings are broken" },
            })),
            Some("session/new" | "session/load") if self.lacks_login() => {
                Err(json!({ "code": -32000, "message": "Authentication required" }))
            }
            Some("session/new") => {
                let session = format!("s-{}", std::process::id());
                // Some tell what they can do before there is a session to tell it of.
                self.update(
                    &session,
                    &json!({
                        "sessionUpdate": "available_commands_update",
                        "availableCommands": [{ "name": "compact", "description": "shorter", "input": null }],
                    }),
                );
                let mut answer = self.offer();
                answer["sessionId"] = json!(session);
                Ok(answer)
            }
            Some("session/load") => {
                let session = params["sessionId"].as_str().unwrap_or_default();
                for line in self.remembered(session).lines() {
                    self.update(session, &words("user_message_chunk", line));
                    self.update(
                        session,
                        &words("agent_message_chunk", &format!("replayed: {line}")),
                    );
                }
                Ok(if self.starts("--models").or(self.starts("--modes")).is_some() {
                    self.offer()
                } else {
                    Value::Null
                })
            }
            Some("session/set_config_option") => self.choose(&params["configId"], &params["value"]),
            Some("session/set_model") if self.starts("--models") == Some("former") => {
                self.choose(&json!("the model"), &params["modelId"])
            }
            Some("session/set_mode") if self.starts("--modes") == Some("former") => {
                self.choose(&json!("mode"), &params["modeId"])
            }
            Some("session/prompt") => match self.prompt(params) {
                Ok(ending) => ending,
                Err(code) => return Some(code),
            },
            Some("session/cancel") => {
                self.is_cancelled = true;
                return None;
            }
            _ if id.is_null() => return None,
            _ => Err(json!({ "code": -32601, "message": "Method not found" })),
        };
        say(&match answer {
            Ok(result) => json!({ "jsonrpc": "2.0", "id": id, "result": result }),
            Err(error) => json!({ "jsonrpc": "2.0", "id": id, "error": error }),
        });
        if message["method"] == "session/new" {
            if let Some(file) = self.starts("--detach") {
                detach(file);
            }
            if let Some(line) = self.starts("--stray") {
                say_line(line);
            }
        }
        None
    }

    /// What a session says of models and modes, each in the way of today or of before.
    fn offer(&self) -> Value {
        let (models, working) = (self.starts("--models"), self.starts("--modes"));
        let each = |id: &str, what: &str, names: [&str; 3]| {
            json!(names.map(|name| json!({ id: name, "name": format!("{what} {name}") })))
        };
        let each_model = |id: &str| {
            each(
                id,
                "Model",
                ["one", self.starts("--second").unwrap_or("two"), "locked"],
            )
        };
        let each_mode = |id: &str| each(id, "Mode", ["ask", "plan", "locked"]);
        let mut offer = json!({});
        let mut options = vec![];
        if working == Some("options") || models == Some("options") {
            let there = working.map_or_else(|| json!([]), |_| each_mode("value"));
            options.push(json!({
                "id": "mode", "name": "Mode", "category": "mode", "type": "select", "currentValue": self.mode, "options": there,
            }));
        }
        match models {
            Some("options") => options.push(json!({
                "id": "the model", "name": "Model", "category": "model", "type": "select", "currentValue": self.model,
                "options": each_model("value"),
            })),
            Some(_) => {
                offer["models"] = json!({ "currentModelId": self.model, "availableModels": each_model("modelId") });
            }
            None => {}
        }
        if !options.is_empty() {
            offer["configOptions"] = json!(options);
        }
        let former = working.filter(|way| *way == "former");
        let there = former.map_or_else(|| json!([]), |_| each_mode("id"));
        offer["modes"] = json!({ "currentModeId": self.mode, "availableModes": there });
        offer
    }

    fn choose(&mut self, option: &Value, wanted: &Value) -> Ending {
        if wanted == "locked" {
            return Err(
                json!({ "code": -32603, "message": "Internal error", "data": { "details": "it is not in your plan" } }),
            );
        }
        let wanted = wanted.as_str().unwrap_or_default().to_owned();
        match option.as_str() {
            Some("the model") => self.model = wanted,
            Some("mode") => self.mode = wanted,
            _ => return Err(json!({ "code": -32602, "message": "Invalid params" })),
        }
        Ok(self.offer())
    }

    /// Goes over to another mode by itself, and tells it in its way.
    fn leave(&mut self, session: &str, mode: &str) {
        mode.clone_into(&mut self.mode);
        let update = if self.starts("--modes") == Some("options") {
            json!({ "sessionUpdate": "config_option_update", "configOptions": self.offer()["configOptions"] })
        } else {
            json!({ "sessionUpdate": "current_mode_update", "currentModeId": mode })
        };
        self.update(session, &update);
    }

    fn lacks_login(&self) -> bool {
        let lacks_file = self.login.as_ref().is_some_and(|file| !file.exists());
        lacks_file || (self.key.is_some() && !self.is_signed_in)
    }

    /// What stands behind this word of its command line, if that is there.
    fn starts(&self, name: &str) -> Option<&str> {
        let at = self.start.iter().position(|argument| argument == name)?;
        Some(self.start.get(at + 1).map_or("", String::as_str))
    }

    /// Does what the lines of a message say. An exit code if that is one of them.
    fn prompt(&mut self, params: &Value) -> Result<Ending, u8> {
        self.is_cancelled = false;
        let session = params["sessionId"].as_str().unwrap_or_default().to_owned();
        let blocks = params["prompt"].as_array().cloned().unwrap_or_default();
        let text: Vec<&str> = blocks.iter().filter_map(|block| block["text"].as_str()).collect();
        for line in text.join("\n").lines() {
            let (verb, rest) = line.split_once(':').unwrap_or((line, ""));
            let rest = rest.trim();
            match verb.trim() {
                "exit" => return Err(rest.parse().unwrap_or(1)),
                "login" => {
                    return Ok(Err(
                        json!({ "code": -32000, "message": "Authentication required" }),
                    ));
                }
                "error" => {
                    return Ok(Err(json!({
                        "code": -32603, "message": "Internal error", "data": { "details": rest },
                    })));
                }
                "stop" => return Ok(Ok(json!({ "stopReason": rest }))),
                "refuse" => {
                    return Ok(Ok(
                        json!({ "stopReason": "refusal", "_meta": { "vendor.example/errorMessage": rest } }),
                    ));
                }
                "wait" => return Ok(self.wait(&session, rest)),
                _ => self.one(&session, verb.trim(), rest, &blocks),
            }
        }
        Ok(Ok(
            json!({ "stopReason": "end_turn", "usage": { "totalTokens": 5, "inputTokens": 3 } }),
        ))
    }

    fn one(&mut self, session: &str, verb: &str, rest: &str, blocks: &[Value]) {
        match verb {
            "say" => self.answer(session, rest),
            "think" => self.update(session, &words("agent_thought_chunk", rest)),
            "tool" => self.tool(session, rest),
            "plan" => self.update(
                session,
                &json!({
                    "sessionUpdate": "plan",
                    "entries": [{ "content": rest, "priority": "high", "status": "in_progress" }],
                }),
            ),
            "strange" => self.strange(session),
            "ask" => self.ask(session, rest),
            "announce" => self.update(session, &called("sessionUpdate", "tool_call_update", rest)),
            "request" => {
                let options = "yes=allow_once ever=allow_always no=reject_once";
                self.ask_about(session, &called("toolCallId", "asked", rest), options);
            }
            "call" => {
                let answer = self.call(rest, &json!({
                    "sessionId": session, "path": "/etc/passwd", "content": "x", "command": "id", "terminalId": "1",
                }));
                self.answer(session, &format!("{rest} {}\n\n", answer["error"]["code"]));
            }
            "blocks" => {
                let kinds: Vec<&str> = blocks.iter().filter_map(|block| block["type"].as_str()).collect();
                self.answer(session, &kinds.join("+"));
            }
            "env" => {
                let mut names: Vec<String> = std::env::vars().map(|(name, _)| name).collect();
                names.sort();
                self.answer(session, &names.join("\n\n"));
            }
            "pid" => self.answer(session, &format!("pid={};", std::process::id())),
            "remember" => {
                let _ = fs::create_dir_all(&self.home);
                let _ = fs::write(self.home.join(session), rest);
            }
            "recall" => {
                let remembered = self.remembered(session);
                self.answer(session, &format!("remembered: {remembered}"));
            }
            "haunt" => {
                let session = session.to_owned();
                std::thread::spawn(move || {
                    let update = words("agent_message_chunk", "boo ");
                    loop {
                        say(&json!({
                            "method": "session/update", "jsonrpc": "2.0",
                            "params": { "update": &update, "sessionId": &session },
                        }));
                    }
                });
            }
            "model" => self.answer(session, &format!("model={};", self.model)),
            "mode" => self.answer(session, &format!("mode={};", self.mode)),
            "leave" => self.leave(session, rest),
            "told" => {
                let told = blocks
                    .first()
                    .and_then(|block| block["text"].as_str())
                    .unwrap_or_default();
                self.answer(session, &format!("told: {told}"));
            }
            "noise" => eprintln_all(&"\u{1b}[2Kworking ⠋ ".repeat(100_000)),
            "babble" => say_line("(node:1) ExperimentalWarning: this is no JSON"),
            _ => {}
        }
    }

    /// A tool call in the order and with the gaps that some agents have: news of it before it, kinds nobody knows.
    fn tool(&self, session: &str, title: &str) {
        let cwd = std::env::current_dir().unwrap_or_default();
        self.update(
            session,
            &json!({
                "sessionUpdate": "tool_call_update", "toolCallId": "t-early", "status": "in_progress",
            }),
        );
        self.update(session, &json!({
            "sessionUpdate": "tool_call", "toolCallId": "t-1", "title": title, "kind": "teleport",
            "status": "pending", "rawInput": [1, "two", null], "locations": [{ "path": cwd.join("a.txt"), "line": 3 }],
        }));
        self.update(session, &json!({
            "sessionUpdate": "tool_call_update", "toolCallId": "t-1", "status": "completed",
            "content": [
                { "type": "content", "content": { "type": "text", "text": format!("output of {title}") } },
                { "type": "diff", "path": cwd.join("a.txt"), "oldText": null, "newText": "new line\n" },
                { "type": "hologram", "depth": 3 },
            ],
        }));
        self.update(session, &json!({
            "sessionUpdate": "tool_call_update", "toolCallId": "t-early", "title": "seen before it was told", "status": "failed",
        }));
    }

    /// What no client of today knows, and lines of nothing.
    fn strange(&self, session: &str) {
        self.update(
            session,
            &json!({ "sessionUpdate": "mood_update", "mood": "fine" }),
        );
        self.update(
            session,
            &json!({ "sessionUpdate": "agent_message_chunk", "content": { "type": "smell" } }),
        );
        self.update(
            session,
            &json!({ "sessionUpdate": "current_mode_update", "currentModeId": "yolo" }),
        );
        say(&json!({ "jsonrpc": "2.0", "method": "session/update", "params": [] }));
        say(&json!({ "jsonrpc": "2.0", "method": "_vendor/telemetry", "params": { "sessionId": session } }));
        say(&json!({ "jsonrpc": "2.0", "method": "$/progress", "params": null }));
        say_line("");
        say_line("  \r");
    }

    /// `ask: id=kind id=kind`: asks, and says what was chosen.
    fn ask(&mut self, session: &str, options: &str) {
        let call = json!({ "toolCallId": "asked", "title": "do it", "kind": "execute", "rawInput": { "command": "do it" } });
        self.ask_about(session, &call, options);
    }

    fn ask_about(&mut self, session: &str, call: &Value, options: &str) {
        let options: Vec<Value> = options
            .split_whitespace()
            .filter_map(|option| option.split_once('='))
            .map(|(id, kind)| json!({ "optionId": id, "name": id, "kind": kind }))
            .collect();
        let request = json!({ "sessionId": session, "toolCall": call, "options": options });
        let answer = self.call("session/request_permission", &request);
        let outcome = &answer["result"]["outcome"];
        let chosen = outcome["optionId"].as_str().or(outcome["outcome"].as_str());
        self.answer(session, &format!("chosen={};\n\n", chosen.unwrap_or("error")));
    }

    /// Until it is cancelled; `how` says what is made of that.
    fn wait(&mut self, session: &str, how: &str) -> Ending {
        self.answer(session, "waiting");
        while !self.is_cancelled || how == "deaf" {
            let Ok(message) = self.heard.recv() else {
                if how == "deaf" {
                    park();
                }
                std::process::exit(0);
            };
            self.is_cancelled |= message["method"] == "session/cancel";
        }
        match how {
            "error" => Err(json!({ "code": -32603, "message": "AbortError: The operation was aborted" })),
            _ => Ok(json!({ "stopReason": "cancelled" })),
        }
    }

    /// Asks the client something. The ids are numbers that the client uses as well, and strings.
    fn call(&mut self, method: &str, params: &Value) -> Value {
        self.next += 1;
        let id = if self.next.is_multiple_of(2) {
            json!(self.next)
        } else {
            json!(format!("{}", self.next))
        };
        say(&json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params }));
        while let Ok(message) = self.heard.recv() {
            if message["id"] == id && message["method"].is_null() {
                return message;
            }
            self.is_cancelled |= message["method"] == "session/cancel";
        }
        Value::Null
    }

    fn answer(&self, session: &str, text: &str) {
        self.update(session, &words("agent_message_chunk", text));
    }

    #[expect(clippy::unused_self, reason = "it is something the agent does")]
    fn update(&self, session: &str, update: &Value) {
        say(&json!({
            "method": "session/update", "jsonrpc": "2.0", "params": { "update": update, "sessionId": session },
        }));
    }

    fn remembered(&self, session: &str) -> String {
        fs::read_to_string(self.home.join(session)).unwrap_or_default()
    }
}

/// The object that a line holds, with this member if it has none of that name.
fn called(name: &str, value: &str, rest: &str) -> Value {
    let mut members: Value = serde_json::from_str(rest).unwrap_or_default();
    if members[name].is_null() {
        members[name] = json!(value);
    }
    members
}

fn words(kind: &str, text: &str) -> Value {
    json!({ "sessionUpdate": kind, "content": { "type": "text", "text": text } })
}

/// Starts a process that is nobody's child, in a session of its own, and writes down which it is.
fn detach(file: &str) {
    let script = "(setsid sh -c 'echo $$ > \"$0\"; exec sleep 1000' \"$0\" &) < /dev/null > /dev/null 2>&1";
    let _ = std::process::Command::new("sh")
        .args(["-c", script, file])
        .status();
    while fs::read_to_string(file).is_ok_and(|pid| !pid.ends_with('\n')) || !PathBuf::from(file).exists() {
        std::thread::yield_now();
    }
}

fn say(message: &Value) {
    say_line(&message.to_string());
}

fn say_line(line: &str) {
    let mut output = std::io::stdout().lock();
    // Nobody listens any more: the end of the input will tell.
    let _ = writeln!(output, "{line}").and_then(|()| output.flush());
}

fn eprintln_all(words: &str) {
    let _ = std::io::stderr().write_all(words.as_bytes());
}

fn park() -> ! {
    loop {
        std::thread::park();
    }
}
