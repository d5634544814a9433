//! Discord's own description of its HTTP interface: which operations there are, what they take, what they answer.
//!
//! `DISCORD_OPENAPI` names the file. The document is read once per process, when the first request wants it; a schema is
//! compiled when it is first needed.

use std::collections::{HashMap, HashSet};
use std::io::Write;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use jsonschema::{Draft, Registry, Validator};
use serde_json::{Value, json};

/// The variable that names the document.
const DOCUMENT: &str = "DISCORD_OPENAPI";
/// What references inside it are resolved against.
const BASE: &str = "urn:discord";

/// One operation, such as `POST /channels/{channel_id}/messages`.
#[derive(Debug)]
pub(crate) struct Operation {
    pub(crate) name: String,
    segments: Vec<Option<String>>,
    method: String,
    query: HashMap<String, String>,
    required_query: Vec<String>,
    body: Option<String>,
    body_required: bool,
    replies: HashMap<String, Option<String>>,
}

/// The whole document, ready to be asked.
pub(crate) struct Contract {
    document: &'static Value,
    registry: Registry<'static>,
    operations: Vec<Operation>,
    compiled: Mutex<HashMap<String, Arc<Validator>>>,
    keys: Mutex<HashMap<String, Arc<HashSet<String>>>>,
}

/// The document of this process, if it was given one.
pub(crate) fn contract() -> Option<&'static Contract> {
    static CONTRACT: OnceLock<Option<Contract>> = OnceLock::new();
    CONTRACT.get_or_init(load).as_ref()
}

fn load() -> Option<Contract> {
    let Some(path) = std::env::var_os(DOCUMENT) else {
        let words = "the fake Discord runs unvalidated: DISCORD_OPENAPI names no document\n";
        // Only a word to the reader of a failing test's output.
        let _ = std::io::stderr().write_all(words.as_bytes());
        return None;
    };
    let text = std::fs::read(&path)
        .unwrap_or_else(|error| panic!("could not read {DOCUMENT}={}: {error}", path.display()));
    let mut document: Value = serde_json::from_slice(&text).expect("DISCORD_OPENAPI names a JSON document");
    // It has no forwards, which Discord's page on messages has.
    let references = "/components/schemas/MessageReferenceType/oneOf";
    if let Some(Value::Array(kinds)) = document.pointer_mut(references) {
        kinds.retain(|kind| kind["const"] != 1);
        kinds.push(json!({ "title": "FORWARD", "const": 1 }));
    }
    Some(Contract::new(Box::leak(Box::new(document))))
}

impl Contract {
    fn new(document: &'static Value) -> Self {
        let registry = Registry::new()
            .draft(Draft::Draft202012)
            .add(BASE, document)
            .expect("the document's name is a URI")
            .prepare()
            .expect("the document refers to nothing outside itself");
        let paths = document["paths"]
            .as_object()
            .expect("an OpenAPI document has paths");
        let operations = paths
            .iter()
            .flat_map(|(path, item)| operations(path, item))
            .collect();
        Self {
            document,
            registry,
            operations,
            compiled: Mutex::default(),
            keys: Mutex::default(),
        }
    }

    /// `path` without the version in front. Of several that fit, the most literal one.
    pub(crate) fn operation(&self, method: &str, path: &[String]) -> Option<&Operation> {
        let fits = |operation: &&Operation| {
            operation.method == method
                && operation.segments.len() == path.len()
                && operation
                    .segments
                    .iter()
                    .zip(path)
                    .all(|(wanted, given)| wanted.as_ref().is_none_or(|wanted| wanted == given))
        };
        let literal = |operation: &&Operation| operation.segments.iter().flatten().count();
        self.operations.iter().filter(fits).max_by_key(literal)
    }

    /// What is wrong with the body, in words.
    pub(crate) fn check_body(&self, operation: &Operation, body: &Value) -> Vec<String> {
        let Some(pointer) = &operation.body else {
            let empty = body.is_null() || body.as_object().is_some_and(serde_json::Map::is_empty);
            return if empty {
                Vec::new()
            } else {
                vec!["this operation takes no body".to_owned()]
            };
        };
        if body.is_null() {
            let missing = operation.body_required.then(|| "the body is missing".to_owned());
            return missing.into_iter().collect();
        }
        let mut wrong = self.check(pointer, body);
        if let Some(fields) = body.as_object() {
            let known = self.keys_of(pointer);
            let unknown = fields.keys().filter(|key| !known.contains(*key));
            wrong.extend(unknown.map(|key| format!("unknown key `{key}`")));
        }
        wrong
    }

    /// The same for the part behind the question mark.
    pub(crate) fn check_query<'a>(
        &self,
        operation: &Operation,
        query: impl Iterator<Item = (&'a String, &'a String)>,
    ) -> Vec<String> {
        let mut wrong = Vec::new();
        let mut seen = HashSet::new();
        for (name, text) in query {
            seen.insert(name.as_str());
            match operation.query.get(name) {
                None => wrong.push(format!("unknown parameter `{name}`")),
                Some(pointer) => {
                    // A number or a flag as text: whichever reading the schema takes.
                    let plain = Value::String(text.clone());
                    let read = serde_json::from_str(text).unwrap_or(Value::Null);
                    if !self.check(pointer, &plain).is_empty() && !self.check(pointer, &read).is_empty() {
                        wrong.push(format!("parameter `{name}` can't be `{text}`"));
                    }
                }
            }
        }
        let missing = operation
            .required_query
            .iter()
            .filter(|name| !seen.contains(name.as_str()));
        wrong.extend(missing.map(|name| format!("parameter `{name}` is missing")));
        wrong
    }

    /// What is wrong with our own reply.
    pub(crate) fn check_reply(
        &self,
        operation: &Operation,
        status: u16,
        body: Option<&Value>,
    ) -> Vec<String> {
        let exact = operation.replies.get(&status.to_string());
        let family = || operation.replies.get(&format!("{}XX", status / 100));
        // The document has numbers in `errors` where Discord's pages, and what it sends, have words.
        let bare = body.map(|body| {
            let mut body = body.clone();
            if let Some(fields) = body.as_object_mut().filter(|_| status >= 400) {
                fields.shift_remove("errors");
            }
            body
        });
        match (exact.or_else(family), bare.as_ref()) {
            // Servers that break are outside every contract.
            (None, _) if status >= 500 => Vec::new(),
            (None, _) => vec![format!("status {status} is not among its answers")],
            (Some(Some(pointer)), Some(body)) => self.check(pointer, body),
            (Some(Some(_)), None) => vec![format!("status {status} without a body")],
            (Some(None), Some(_)) => vec![format!("status {status} with a body")],
            (Some(None), None) => Vec::new(),
        }
    }

    fn check(&self, pointer: &str, value: &Value) -> Vec<String> {
        let validator = self.validator(pointer);
        let words = |error: jsonschema::ValidationError<'_>| {
            let text: String = error.to_string().chars().take(600).collect();
            format!("{}: {text}", error.instance_path())
        };
        validator.iter_errors(value).take(3).map(words).collect()
    }

    fn validator(&self, pointer: &str) -> Arc<Validator> {
        let mut compiled = self.compiled.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = compiled.get(pointer) {
            return Arc::clone(known);
        }
        let schema = json!({ "$ref": format!("{BASE}#{}", encoded(pointer)) });
        let validator = jsonschema::options()
            .with_draft(Draft::Draft202012)
            .with_registry(&self.registry)
            .should_validate_formats(true)
            .build(&schema)
            .unwrap_or_else(|error| panic!("the schema at {pointer} can't be compiled: {error}"));
        let validator = Arc::new(validator);
        compiled.insert(pointer.to_owned(), Arc::clone(&validator));
        validator
    }

    /// All keys that any branch of the schema knows.
    fn keys_of(&self, pointer: &str) -> Arc<HashSet<String>> {
        let mut keys = self.keys.lock().unwrap_or_else(PoisonError::into_inner);
        let known = keys.entry(pointer.to_owned()).or_insert_with(|| {
            let mut found = HashSet::new();
            let schema = self.document.pointer(pointer).unwrap_or(&Value::Null);
            self.collect_keys(schema, &mut found);
            Arc::new(found)
        });
        Arc::clone(known)
    }

    fn collect_keys(&self, schema: &Value, found: &mut HashSet<String>) {
        if let Some(target) = schema["$ref"]
            .as_str()
            .and_then(|target| target.strip_prefix('#'))
            && let Some(schema) = self.document.pointer(target)
        {
            self.collect_keys(schema, found);
        }
        let fields = schema["properties"].as_object();
        found.extend(fields.into_iter().flat_map(|fields| fields.keys().cloned()));
        for branches in ["allOf", "anyOf", "oneOf"] {
            for branch in schema[branches].as_array().into_iter().flatten() {
                self.collect_keys(branch, found);
            }
        }
    }
}

fn operations<'a>(path: &'a str, item: &'a Value) -> impl Iterator<Item = Operation> + 'a {
    let methods = ["get", "post", "put", "patch", "delete"];
    methods.into_iter().filter_map(move |method| {
        let operation = item[method].as_object()?;
        let here = format!("/paths/{}/{method}", path.replace('~', "~0").replace('/', "~1"));
        let segments = path.trim_matches('/').split('/');
        let json = "content/application~1json/schema";
        let mut query = HashMap::new();
        let mut required_query = Vec::new();
        let parameters = operation.get("parameters").and_then(Value::as_array);
        for (index, one) in parameters.into_iter().flatten().enumerate() {
            if let Some(name) = one["name"].as_str().filter(|_| one["in"] == "query") {
                query.insert(name.to_owned(), format!("{here}/parameters/{index}/schema"));
                if one["required"] == true {
                    required_query.push(name.to_owned());
                }
            }
        }
        let reply = |(status, reply): (&String, &Value)| {
            let shared = reply["$ref"].as_str().and_then(|target| target.strip_prefix('#'));
            let pointer = match shared {
                Some(target) => Some(format!("{target}/{json}")),
                None => reply["content"]["application/json"]["schema"]
                    .is_object()
                    .then(|| format!("{here}/responses/{status}/{json}")),
            };
            (status.clone(), pointer)
        };
        let replies = operation.get("responses").and_then(Value::as_object);
        let body = operation.get("requestBody");
        let has_json = body.is_some_and(|body| body["content"]["application/json"].is_object());
        Some(Operation {
            name: format!("{} {path}", method.to_uppercase()),
            segments: segments
                .map(|segment| (!segment.starts_with('{')).then(|| segment.to_owned()))
                .collect(),
            method: method.to_uppercase(),
            query,
            required_query,
            body: has_json.then(|| format!("{here}/requestBody/{json}")),
            body_required: body.is_some_and(|body| body["required"] == true),
            replies: replies.into_iter().flatten().map(reply).collect(),
        })
    })
}

/// Braces may not stand in the fragment of a URI.
fn encoded(pointer: &str) -> String {
    pointer.replace('{', "%7B").replace('}', "%7D")
}
