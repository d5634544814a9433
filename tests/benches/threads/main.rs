//! `cargo build --release --workspace && cargo bench --bench threads`: what a thread costs, from its worker's first byte
//! to 200 pages that watch 200 answers. Exits with 1 if a limit is missed.

#[path = "../credentials/table.rs"]
mod table;

mod agent;
mod memory;
mod prompt;
mod start;
mod streams;
mod town;

use table::Table;

fn main() -> std::process::ExitCode {
    credentials::refresh_child_main();
    if std::env::args().nth(1).as_deref() == Some("agent") {
        agent::serve();
        return std::process::ExitCode::SUCCESS;
    }
    let _ = rustls::crypto::ring::default_provider().install_default();
    let mut table = Table::default();
    start::measure(&mut table);
    prompt::measure(&mut table);
    streams::measure(&mut table);
    let memory = memory::measure();
    let exit = table.print();
    memory.print();
    exit
}

/// Now, in nanoseconds since the epoch: comparable between the processes of one machine.
fn now() -> u128 {
    std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .expect("after 1970")
        .as_nanos()
}
