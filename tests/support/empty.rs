//! Does nothing; with an argument, says one line.

use std::io::Write as _;

fn main() {
    if std::env::args_os().nth(1).is_some() {
        // Whoever measures this reads it.
        let _ = std::io::stdout().write_all(b".\n");
    }
}
