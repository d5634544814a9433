//! The command line as people and scripts meet it: the real program, a real server, a state folder of its own.

#![expect(
    clippy::unwrap_used,
    reason = "a failed step of a test is a failed test, also in what tests share"
)]

mod configuration;
mod doctor;
mod house;
mod login;
mod owners;
mod signing_in;
mod signing_out;
mod small_programs;
mod threads;
mod tokens;
mod usage;
