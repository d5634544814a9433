//! The sandbox that tools run in: a cleared environment, no inherited descriptors, a session of its own, resource limits,
//! no capabilities, `no_new_privs`, Landlock, a filter of system calls. Linux.
//!
//! The caller says what it wants ([`Policy`]); [`Cage::prepare`] asks the kernel what it can do and builds everything
//! before the fork; between fork and exec only plain system calls happen. A required layer that is missing refuses.
//!
//! **What does not hold yet.** The network, unix sockets by path, and what Landlock has no hook for, such as modes of files.
//! `adr/0005` has the whole list.

mod cage;
mod calls;
mod child;
mod environment;
mod error;
mod folders;
mod grants;
mod guard;
mod limits;
mod mark;
mod policy;
mod probe;
mod ruleset;
mod tally;
#[cfg(test)]
mod tests;
mod victim;

pub use cage::Cage;
pub use error::CageError;
pub use guard::wake;
pub use limits::MOST_PROCESSES;
pub use mark::{MARKS, Mark};
pub use policy::{Layer, Policy};
pub use probe::{Status, probe};
pub use victim::{open_score, spawn_victim};
