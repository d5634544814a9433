//! What the one who drives may order.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

#[derive(Deserialize)]
pub(crate) struct File {
    pub(crate) name: String,
    #[serde(rename = "type")]
    pub(crate) kind: String,
    pub(crate) text: String,
}

/// As `help` explains them.
#[derive(Deserialize)]
#[serde(tag = "do", rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum Order {
    Help,
    Say {
        who: String,
        at: String,
        text: String,
        reply_to: Option<String>,
        #[serde(default)]
        files: Vec<File>,
    },
    Edit {
        who: String,
        message: String,
        text: String,
    },
    Delete {
        who: String,
        message: String,
    },
    React {
        who: String,
        message: String,
        emoji: String,
    },
    Webhook {
        name: String,
        at: String,
        text: String,
    },
    Slash {
        who: String,
        at: String,
        command: String,
        #[serde(default)]
        options: BTreeMap<String, Value>,
    },
    Complete {
        who: String,
        at: String,
        command: String,
        #[serde(default)]
        options: BTreeMap<String, Value>,
        focused: String,
    },
    Press {
        who: String,
        message: String,
        button: String,
    },
    Pick {
        who: String,
        message: String,
        menu: String,
        values: Vec<String>,
    },
    Submit {
        who: String,
        form: String,
        fields: BTreeMap<String, String>,
    },
    Forge {
        who: String,
        message: String,
        custom_id: String,
    },
    Replay {
        interaction: String,
    },
    Messages {
        at: String,
        who: Option<String>,
    },
    Asked {
        interaction: String,
    },
    Threads {
        at: String,
    },
    Commands,
    Requests {
        last: Option<usize>,
    },
    Complaints,
    Typing {
        at: String,
    },
    Channel {
        name: String,
        kind: Option<String>,
    },
    Thread {
        who: String,
        at: String,
        name: String,
        from: Option<String>,
    },
    Post {
        who: String,
        at: String,
        name: String,
        text: String,
    },
    Archive {
        who: String,
        at: String,
        is: bool,
    },
    Lock {
        who: String,
        at: String,
        is: bool,
    },
    Rename {
        who: String,
        at: String,
        name: String,
    },
    Remove {
        who: String,
        at: String,
    },
    Guild {
        name: String,
    },
    Member {
        name: String,
        #[serde(default)]
        bot: bool,
    },
    Kick {
        who: String,
    },
    Team {
        who: Vec<String>,
    },
    ExpelBot,
    Role {
        name: String,
        permissions: u64,
        #[serde(default)]
        of: Vec<String>,
    },
    Overwrite {
        at: String,
        who: String,
        allow: u64,
        deny: u64,
    },
    Fault {
        what: String,
        #[serde(default)]
        number: u16,
        method: Option<String>,
        path: Option<String>,
        times: Option<usize>,
    },
    Gateway {
        what: String,
        #[serde(default)]
        number: u16,
    },
    Intents {
        privileged: u64,
    },
    Clock {
        seconds: u64,
    },
    FileLimit {
        bytes: usize,
    },
}
