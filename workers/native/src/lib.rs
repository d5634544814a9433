//! The built-in agent: an ACP agent like any other, on stdin and stdout. It serves one session.

mod agent;
mod message;
mod providers;
mod tools;
