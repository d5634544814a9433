//! `agent-host`: what people type.

use std::process::ExitCode;

mod arguments;
mod assembly;
mod auth;
mod bot_token;
mod check;
mod config;
mod control;
mod demo;
mod descriptors;
mod doctor;
mod exposure;
mod failure;
mod guard;
mod log;
mod lost;
mod output;
mod owner;
mod rehearsal_server;
mod running;
mod serve;
mod service_manager;
mod setup;
mod shell;
mod signals;
mod slip;
mod status;
mod storm;
mod tenant_view;
mod terminal;
mod threads;
mod thrift;
mod verbs;

fn main() -> ExitCode {
    credentials::quiet_panics();
    // Before all else: a refresher never gets further than this.
    credentials::refresh_child_main();
    credentials::protect_memory();
    cage::Mark::remember_ours();
    // "Already installed" is as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
    verbs::run()
}
