//! The built-in agent: an ACP agent like any other, on stdin and stdout. It serves one session.
//!
//! Memory is what limits the number of threads: one runtime thread, and nothing is built before its first use.

use std::process::ExitCode;

mod agent;
mod disk;
mod message;
mod providers;
mod stdio;
mod tools;

/// Threads for disk work; each ends when it was idle for a while.
const BLOCKING_THREADS: usize = 4;

/// Speaks ACP on stdin and stdout until end of file; then stops what runs, and everything it started.
///
/// The exit code says whether that was a clean end.
pub fn worker_main() -> ExitCode {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .enable_time()
        .max_blocking_threads(BLOCKING_THREADS)
        .build();
    let runtime = match runtime {
        Ok(runtime) => runtime,
        Err(error) => {
            tracing::error!(%error, "could not start the runtime");
            return ExitCode::FAILURE;
        }
    };
    let served = runtime.block_on(async {
        let (reader, writer) = stdio::pipes();
        agent::serve(agent::Real, reader, writer).await
    });
    // What still runs is dropped here, and with it every process of a tool. A read of standard input that can't be
    // ended is left behind.
    runtime.shutdown_background();
    match served {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!("{error}");
            ExitCode::FAILURE
        }
    }
}
