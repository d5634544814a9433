//! `cargo build --release --workspace && cargo bench`: what the credential store costs, as ratios against a floor that is
//! measured in the same run, so that a noisy machine changes both sides. Exits with 1 if a limit is missed.

mod adopt;
mod paths;
mod roles;
mod table;
mod whole;

use table::Table;

fn main() -> std::process::ExitCode {
    credentials::refresh_child_main();
    let mut arguments = std::env::args().skip(1);
    if let Some(role) = arguments.next().filter(|role| !role.starts_with("--")) {
        roles::play(&role, &arguments.collect::<Vec<_>>());
        return std::process::ExitCode::SUCCESS;
    }
    let _ = rustls::crypto::ring::default_provider().install_default();
    let mut table = Table::default();
    adopt::measure(&mut table);
    paths::measure(&mut table);
    whole::measure(&mut table);
    table.print()
}
