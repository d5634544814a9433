//! The tools as the turn loop uses them: real files, real commands, real processes.

mod commands;
mod files;
mod hidden;
mod offers;
mod processes;
mod search;

use std::fs;
use std::path::{Path, PathBuf};

use cage::Policy;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::{Outcome, Prepared, Tools};

/// A state folder as a host has it: the credentials, this thread's workspace, another's.
struct Bench {
    folder: TempDir,
    tools: Tools,
}

impl Bench {
    fn new() -> Self {
        Self::with_readable(Vec::new())
    }

    fn with_readable(readable: Vec<PathBuf>) -> Self {
        // As a worker does first of all; it changes what of ourselves can be read.
        cage::open_score();
        credentials::protect_memory();
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().canonicalize().unwrap();
        fs::create_dir_all(root.join("threads/one/workspace")).unwrap();
        fs::create_dir_all(root.join("threads/two/workspace")).unwrap();
        fs::write(root.join("auth.json"), "planted-secret").unwrap();
        let workspace = root.join("threads/one/workspace");
        let policy = Policy {
            workspace,
            readable,
            without: Vec::new(),
        };
        let tools = Tools::new(&root.join("threads/one/output"), policy, contract::PROCESSES);
        Self { folder, tools }
    }

    fn root(&self) -> PathBuf {
        self.folder.path().canonicalize().unwrap()
    }

    fn workspace(&self) -> PathBuf {
        self.root().join("threads/one/workspace")
    }

    fn spill(&self) -> PathBuf {
        self.root().join("threads/one/output")
    }

    fn path(&self, name: impl AsRef<Path>) -> PathBuf {
        self.workspace().join(name)
    }

    fn put(&self, name: &str, content: impl AsRef<[u8]>) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    fn text(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }

    fn prepare(&self, name: &str, arguments: &Value) -> Result<Prepared, String> {
        self.tools.prepare(name, &arguments.to_string())
    }

    /// What is said instead of preparing the call.
    fn refusal(&self, name: &str, arguments: &Value) -> String {
        self.prepare(name, arguments).expect_err("it was prepared")
    }

    async fn call(&self, name: &str, arguments: &Value) -> Outcome {
        let prepared = self.prepare(name, arguments).unwrap();
        self.run(prepared, &mut |_| {}).await
    }

    /// Runs it, and nobody stops it.
    async fn run(&self, prepared: Prepared, output: &mut (dyn FnMut(String) + Send)) -> Outcome {
        self.tools.run(prepared, output, std::future::pending()).await
    }

    async fn bash(&self, command: &str) -> Outcome {
        self.call("bash", &json!({ "command": command })).await
    }
}

#[test]
fn a_call_that_makes_no_sense_is_explained_to_the_model() {
    let bench = Bench::new();
    let refused = |name, arguments| bench.tools.prepare(name, arguments).unwrap_err();
    assert_eq!(
        refused("fly", "{}"),
        "there is no tool `fly`; there are read, write, edit, list, glob, grep, bash, offer"
    );
    assert!(refused("read", "{\"path\":").starts_with("the arguments of `read` are not JSON"));
    assert!(refused("read", "").contains("missing field `path`"));
    assert!(refused("read", r#"{"path":"a","lines":3}"#).contains("unknown field `lines`"));
    assert!(refused("write", r#"{"path":7,"content":""}"#).contains("invalid type"));
}

#[test]
fn every_tool_has_a_schema_that_names_its_arguments() {
    let bench = Bench::new();
    for spec in bench.tools.specs() {
        let properties = spec.parameters["properties"].as_object().unwrap();
        for name in spec.parameters["required"].as_array().unwrap() {
            assert!(
                properties.contains_key(name.as_str().unwrap()),
                "{}: {name}",
                spec.name
            );
        }
        // The schema and the reader know the same arguments.
        let all: Value = properties
            .iter()
            .map(|(name, schema)| {
                let value = match schema["type"].as_str().unwrap() {
                    "integer" => json!(1),
                    "boolean" => json!(true),
                    "array" => json!(["x"]),
                    _ if name == "output" => json!("files"),
                    _ => json!("x"),
                };
                (name.clone(), value)
            })
            .collect::<serde_json::Map<_, _>>()
            .into();
        if let Err(words) = bench.prepare(spec.name, &all) {
            assert!(!words.contains("arguments of"), "{}: {words}", spec.name);
        }
    }
}
