//! End-to-end tests: real processes against the strict authorization server. `tests/README.md` maps promises to tests.

mod house;
mod kills;
mod protocol;
mod sign_in;
mod storm;
