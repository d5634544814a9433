//! `cargo build --release --workspace && cargo bench --bench discord`: what Discord costs on top of the page, with the
//! fake Discord of the tests in this process and the host in one of its own. Exits with 1 if a limit is missed. `-- prompt
//! memory` measures these two alone; there are `prompt`, `first`, `events` and `memory`.

#[path = "../threads/agent.rs"]
mod agent;
#[path = "../threads/moment.rs"]
mod moment;
#[path = "../credentials/table.rs"]
mod table;

mod events;
mod first;
mod memory;
mod prompt;
mod town;

use table::Table;

fn main() -> std::process::ExitCode {
    if std::env::args().nth(1).as_deref() == Some("agent") {
        agent::serve();
        return std::process::ExitCode::SUCCESS;
    }
    let _ = rustls::crypto::ring::default_provider().install_default();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .expect("a runtime starts");
    let wanted: Vec<String> = std::env::args()
        .skip(1)
        .filter(|name| !name.starts_with('-'))
        .collect();
    let is_wanted = |name: &str| wanted.is_empty() || wanted.iter().any(|one| one == name);
    let mut table = Table::default();
    if is_wanted("prompt") {
        runtime.block_on(prompt::measure(&mut table));
    }
    if is_wanted("first") {
        runtime.block_on(first::measure(&mut table));
    }
    if is_wanted("events") {
        runtime.block_on(events::measure(&mut table));
    }
    if is_wanted("memory") {
        runtime.block_on(memory::measure(&mut table));
    }
    table.print()
}
