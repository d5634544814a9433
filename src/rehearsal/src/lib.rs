//! A strict OAuth 2 authorization server and a model on loopback, needing no account: the partners of `agent-host demo`
//! and the adversaries of the tests.
//!
//! It rotates the refresh token on every refresh and revokes the whole family when a spent one comes back. The
//! `/control/` API (in process: [`Control`]) counts what happened, waits for it, and makes single answers go wrong.
//! Everything is in memory; dropping the [`Server`] forgets it. The model speaks two wire formats below `/v1`, takes only
//! bearers that this very server issued (or one configured key), and does what a small script in the message says: the
//! documentation of the module `model` has it, and a message of `help` shows it.
//!
//! Inside, `ledger` and `model` decide (no I/O, the time is passed in), `http` carries, `pages` draws, `wire` breaks
//! connections.

mod config;
mod control;
mod counts;
mod endpoints;
mod faults;
mod http;
mod jwt;
mod ledger;
mod memory;
mod model;
mod moment;
mod pages;
mod params;
mod random;
mod server;
mod settings;
mod state;
mod wire;

pub use config::Config;
pub use control::{Control, ControlError, Decision};
pub use counts::{Counter, Counts};
pub use endpoints::{CodexEndpoints, Endpoints};
pub use faults::{Fault, FaultRule, Target};
pub use model::ModelRequest;
pub use server::{Server, StartError};
pub use settings::SettingsChange;

#[cfg(test)]
mod tests;
