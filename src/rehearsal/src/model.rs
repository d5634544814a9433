//! The rehearsal model: it needs no account and no network, and does what a short script in the message says.
//!
//! It speaks OpenAI Responses and Chat Completions, checks the bearer against the ledger of this server (so that expiry,
//! 401 and rotation really happen) and is as strict as the real thing about calls without results.
//!
//! **The script.** Lines of the *last* user message, done in order. The model keeps nothing in mind between two requests:
//! which line is next follows from the tool results after that message, so a resumed conversation goes on where it was.
//!
//! | line | what happens |
//! |---|---|
//! | `run: CMD` | a call of the shell tool |
//! | `read: FILE`, `list`, `list: FOLDER`, `glob: PATTERN`, `grep: PATTERN` | calls of the tools that look |
//! | `write: FILE TEXT` | a call of the tool that writes; `\n`, `\t`, `\e` and `\\` in TEXT are what they are in C |
//! | `edit: FILE OLD => NEW` | a call of the tool that edits |
//! | `offer: FILE FILE` | a call of the tool that hands files to people |
//! | `plan: A; B; C` | a call of the tool that shows a plan |
//! | `call: NAME JSON` | a call of any tool, with arguments that need not be right |
//! | `together` | the tool lines right after it are called in one reply |
//! | `say: TEXT` | exactly this text, with the same escapes |
//! | `think: TEXT` | reasoning |
//! | `stream N words`, `stream N words fast` | so many words, at the usual speed or as fast as they go |
//! | `slow 5s`, `slow 300ms` | silence before the answer begins |
//! | `hold` | silence at this point, until the control says `release` |
//! | `fail 429`, `fail 503 3 times`, `fail 429 wait 7s` | this status first (with `Retry-After`), then success |
//! | `cut`, `cut early` | the connection breaks, after some words or before any; the same request then succeeds |
//! | `recall` | what was said earlier in the conversation |
//! | `help` | this, in short |
//!
//! A request without tools that only quotes a conversation is asked for a note on it: what people said, line by line.
//! A request with more tokens in it than `context_tokens` is refused.
//!
//! Each reply ends with the next tool line. After the last one comes a sentence about the results: exit codes, and what was
//! denied and why. A message without any of these lines gets a reply that says what can be tried.

mod asked;
mod play;
mod requests;
mod script;
mod text;
mod tools;
mod writer;

pub(crate) use asked::{Asked, Format, Refusal, too_long};
pub(crate) use play::{Act, Beat, play};
pub use requests::ModelRequest;
pub(crate) use requests::{Requests, fingerprint};
pub(crate) use tools::Call;
pub(crate) use writer::Writer;

/// Requests whose bodies are kept at most.
pub(crate) const MOST_RECORDS: usize = 256;

/// The models that are there; the second one never dawdles. Names that begin with the first one are accepted, too.
pub(crate) const MODELS: [&str; 2] = ["rehearsal", "rehearsal-fast"];
