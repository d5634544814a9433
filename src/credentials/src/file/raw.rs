//! A JSON object whose values stay as they were written until somebody asks for one.

use std::collections::BTreeMap;

use serde_json::value::RawValue;

/// A JSON object of untouched values.
///
/// A file with one bad entry stays usable, what this version does not know survives a rewrite byte for byte,
/// and reading one tenant of ten thousand parses one entry.
pub(crate) type RawObject = BTreeMap<String, Box<RawValue>>;

/// Writes an object, one line for each of its members.
pub(crate) fn write(object: &RawObject, indent: &str, out: &mut String) {
    if object.is_empty() {
        out.push_str("{}");
        return;
    }
    let mut separator = "{\n";
    for (key, value) in object {
        out.push_str(separator);
        out.push_str(indent);
        push_key(key, out);
        out.push_str(value.get());
        separator = ",\n";
    }
    out.push('\n');
    out.push_str(&indent[..indent.len().saturating_sub(2)]);
    out.push('}');
}

/// Writes `"key": `.
pub(crate) fn push_key(key: &str, out: &mut String) {
    out.push_str(&serde_json::to_string(key).expect("a string always serializes"));
    out.push_str(": ");
}
