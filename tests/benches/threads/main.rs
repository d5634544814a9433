//! `cargo build --release --workspace && cargo bench --bench threads`: what a thread costs, from its worker's first byte
//! to 200 pages that watch 200 answers. Exits with 1 if a limit is missed. `-- streams memory` measures these two alone;
//! there are `start`, `command`, `prompt`, `streams` and `memory`.

#[path = "../credentials/table.rs"]
mod table;

mod agent;
mod command;
mod memory;
mod model;
mod moment;
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
    let wanted: Vec<String> = std::env::args()
        .skip(1)
        .filter(|name| !name.starts_with('-'))
        .collect();
    let is_wanted = |name: &str| wanted.is_empty() || wanted.iter().any(|one| one == name);
    for (name, measure) in [
        ("start", start::measure as fn(&mut Table)),
        ("command", command::measure),
        ("prompt", prompt::measure),
        ("streams", streams::measure),
    ] {
        if is_wanted(name) {
            measure(&mut table);
        }
    }
    let memory = is_wanted("memory").then(memory::measure);
    let exit = table.print();
    if let Some(memory) = memory {
        memory.print();
    }
    exit
}
