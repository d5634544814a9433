//! A small external agent of a few shell functions, each of which a test may replace.

use std::path::Path;

/// The agent as it is when no test changes it. It answers each message with `on_<method>`.
const AGENT: &str = r#"
answer() { printf '{"jsonrpc":"2.0","id":"%s","result":%s}\n' "$id" "$1"; }
say() { printf '{"jsonrpc":"2.0","method":"session/update","params":{"sessionId":"s1","update":{"sessionUpdate":"agent_message_chunk","content":{"type":"text","text":"%s"}}}}\n' "$1"; }
on_initialize() { answer '{"protocolVersion":1,"agentCapabilities":{}}'; }
on_new() { answer '{"sessionId":"s1"}'; }
on_prompt() { say fine; answer '{"stopReason":"end_turn"}'; }
on_cancel() { :; }
on_end() { :; }
"#;

const LOOP: &str = r#"
while IFS= read -r line; do
  case $line in
    *'"method":"initialize"'*) method=initialize ;;
    *'"method":"session/new"'*) method=new ;;
    *'"method":"session/prompt"'*) method=prompt ;;
    *'"method":"session/cancel"'*) method=cancel ;;
    *) continue ;;
  esac
  case $method in cancel) ;; *) id=${line#*'"id":"'}; id=${id%%'"'*} ;; esac
  on_$method
done
on_end
"#;

/// The configuration of a host whose only agent is this, with these functions instead of its own. Its program goes into
/// `folder`.
pub fn shell_agent(folder: &Path, functions: &str) -> String {
    let program = folder.join("agent.sh");
    std::fs::write(&program, format!("{AGENT}\n{functions}\n{LOOP}")).expect("it can be written");
    format!(
        "default_agent = \"shell\"\n[agents.shell]\ncommand = [\"/bin/sh\", \"{}\"]\n",
        program.display()
    )
}
