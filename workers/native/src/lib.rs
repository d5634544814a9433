//! The built-in agent: an ACP agent like any other, on stdin and stdout. It serves one session.

mod message;
mod providers;
mod tools;

/// Speaks ACP on stdin and stdout until end of file.
#[expect(clippy::todo, reason = "skeleton, being filled in")]
pub fn worker_main() -> std::process::ExitCode {
    todo!()
}
