//! What a program says of its own defects.

use std::any::Any;
use std::backtrace::{Backtrace, BacktraceStatus};
use std::fmt::Display;
use std::io::Write as _;

/// From now on a panic tells where it came from, and its words only where they stand in the program's text: those that are
/// made at the time quote what broke it, which may be what somebody said, or a secret. With a backtrace where `RUST_BACKTRACE`
/// asks for one.
pub fn quiet_panics() {
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map_or("nowhere", |place| place.file());
        let line = panic.location().map_or(0, std::panic::Location::line);
        let thread = std::thread::current();
        let mut told = told(
            thread.name().unwrap_or("unnamed"),
            &format_args!("{place}:{line}"),
            panic.payload(),
        );
        let trace = Backtrace::capture();
        if trace.status() == BacktraceStatus::Captured {
            told = format!("{told}\n{trace}");
        }
        // Nobody to tell that nobody can be told.
        let _ = writeln!(std::io::stderr(), "{told}");
    }));
}

fn told(thread: &str, place: &dyn Display, payload: &(dyn Any + Send)) -> String {
    let words = payload.downcast_ref::<&'static str>();
    let words = words.copied().unwrap_or("(its words are not shown)");
    format!("thread '{thread}' panicked at {place}: {words}")
}

#[cfg(test)]
mod tests {
    use std::panic::catch_unwind;

    use super::*;

    #[test]
    fn only_words_that_stand_in_the_program_are_told() {
        let said = "what somebody said, é";
        let fixed = catch_unwind(|| panic!("a defect")).unwrap_err();
        assert_eq!(
            told("main", &"x.rs:7", &*fixed),
            "thread 'main' panicked at x.rs:7: a defect"
        );
        let inside = said.len() - 1;
        let quoting = catch_unwind(|| said[..inside].len()).unwrap_err();
        let told = told("main", &"x.rs:7", &*quoting);
        assert!(!told.contains("somebody"), "{told}");
        assert!(told.starts_with("thread 'main' panicked at x.rs:7: "), "{told}");
    }
}
