//! Which of the offered tools does what a line wants, and how its arguments are called there.

use serde_json::{Map, Value, json};

use super::asked::Tool;
use super::script::Use;

/// How tools call the file that they work on.
const PATH: [&str; 4] = ["path", "file_path", "file", "filename"];

/// A call as it is written into the answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Call {
    pub(crate) name: String,
    /// JSON, unless the script wants it otherwise.
    pub(crate) arguments: String,
}

/// The names that agents give to a tool, the usual one first.
fn names(wanted: &Use) -> &'static [&'static str] {
    match wanted {
        Use::Run(_) => &["bash", "shell", "run", "execute", "run_command"],
        Use::Read(_) => &["read", "read_file", "view"],
        Use::List(_) => &["list", "ls", "list_dir", "list_directory"],
        Use::Glob(_) => &["glob", "find"],
        Use::Grep(_) => &["grep", "search"],
        Use::Write { .. } => &["write", "write_file", "create"],
        Use::Edit { .. } => &["edit", "edit_file", "str_replace"],
        Use::Offer(_) => &["offer"],
        Use::Plan(_) => &["update_plan", "plan", "todo"],
        Use::Raw { .. } => &[],
    }
}

/// The call that does what is wanted. `Err`: no tool is offered that does; in words.
pub(crate) fn call(wanted: &Use, offered: &[Tool]) -> Result<Call, String> {
    if let Use::Raw { name, arguments } = wanted {
        return Ok(Call {
            name: name.clone(),
            arguments: arguments.clone(),
        });
    }
    let names = names(wanted);
    let tool = names
        .iter()
        .find_map(|name| offered.iter().find(|tool| tool.name == *name));
    let Some(tool) = tool else {
        return Err(format!(
            "I would need a tool called `{}` for `{}`, and this agent offers none.",
            names[0],
            wanted.words()
        ));
    };
    let mut arguments = Map::new();
    let mut set = |known: &[&str], value: Value| {
        arguments.insert(argument(tool, known), value);
    };
    match wanted {
        Use::Run(command) => set(&["command", "cmd"], json!(command)),
        Use::Read(path) => set(&PATH, json!(path)),
        Use::List(folder) => {
            let folder = folder.as_deref().unwrap_or(".");
            set(&["path", "directory", "folder"], json!(folder));
        }
        Use::Offer(paths) => set(&["paths", "files"], json!(paths)),
        Use::Glob(pattern) | Use::Grep(pattern) => set(&["pattern", "query", "regex"], json!(pattern)),
        Use::Write { path, text } => {
            set(&PATH, json!(path));
            set(&["content", "contents", "text"], json!(text));
        }
        Use::Edit { path, old, new } => {
            set(&PATH, json!(path));
            set(&["old", "old_string", "old_text", "old_str", "find"], json!(old));
            set(
                &["new", "new_string", "new_text", "new_str", "replace"],
                json!(new),
            );
        }
        Use::Plan(steps) => {
            let steps: Vec<Value> = (0..)
                .zip(steps)
                .map(|(at, step): (usize, _)| {
                    let status = if at == 0 { "in_progress" } else { "pending" };
                    json!({ "step": step, "status": status })
                })
                .collect();
            set(&["steps", "plan"], Value::Array(steps));
        }
        Use::Raw { .. } => {}
    }
    Ok(Call {
        name: tool.name.clone(),
        arguments: Value::Object(arguments).to_string(),
    })
}

/// The name under which a tool knows an argument: the first of these that its schema has.
fn argument(tool: &Tool, known: &[&str]) -> String {
    let properties = &tool.parameters["properties"];
    let found = known.iter().find(|name| properties.get(**name).is_some());
    (*found.unwrap_or(&known[0])).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tool(name: &str, arguments: &[&str]) -> Tool {
        let properties: Map<String, Value> = arguments
            .iter()
            .map(|name| ((*name).to_owned(), json!({})))
            .collect();
        Tool {
            name: name.into(),
            parameters: json!({ "properties": properties }),
        }
    }

    #[test]
    fn arguments_have_the_names_that_the_agent_gave_them() {
        let edit = Use::Edit {
            path: "a".into(),
            old: "x".into(),
            new: "y".into(),
        };
        for (offered, arguments) in [
            (
                tool("edit", &["path", "old", "new"]),
                json!({ "path": "a", "old": "x", "new": "y" }),
            ),
            (
                tool("str_replace", &["file_path", "old_string", "new_string"]),
                json!({ "file_path": "a", "old_string": "x", "new_string": "y" }),
            ),
        ] {
            let call = call(&edit, &[tool("bash", &[]), offered]).unwrap();
            assert_eq!(serde_json::from_str::<Value>(&call.arguments).unwrap(), arguments);
        }
    }

    #[test]
    fn a_tool_that_is_not_offered_is_named() {
        let refused = call(&Use::Run("ls".into()), &[tool("read", &[])]).unwrap_err();
        assert_eq!(
            refused,
            "I would need a tool called `bash` for `ls`, and this agent offers none."
        );
    }
}
