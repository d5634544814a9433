//! `agent-host`: what people type.

use std::process::ExitCode;

mod arguments;
mod assembly;
mod auth;
mod config;
mod demo;
mod doctor;
mod failure;
mod log;
mod output;
mod rehearsal_server;
mod tenant_view;
mod terminal;
mod verbs;

fn main() -> ExitCode {
    // First of all: a refresher never gets further than this.
    credentials::refresh_child_main();
    credentials::protect_memory();
    // "Already installed" is as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
    verbs::run()
}
