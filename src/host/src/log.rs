//! Log lines to standard error, by the filter that was asked for, and never more than some libraries may say.

use std::io;

use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::{ParseError, Targets};
use tracing_subscriber::layer::{Layer as _, SubscriberExt as _};
use tracing_subscriber::util::SubscriberInitExt as _;

/// Libraries that may write tokens into a log at debug or trace.
const TALKATIVE: [&str; 9] = [
    "rmcp",
    "hyper",
    "hyper_util",
    "reqwest",
    "h2",
    "rustls",
    "oauth2",
    "tungstenite",
    "tokio_tungstenite",
];

/// One whose spans, which are infos, carry whole requests: what people said, and tokens of interactions.
const CHATTY: &str = "serenity";

/// Libraries of which the host says the same in words of its own, each with what has to be named to see it: what is said of the
/// connection to Discord, and of messages of agents that can't be read (a kilobyte of types for each).
const AS_WELL: [(&str, &str); 2] = [
    (CHATTY, "serenity::gateway"),
    (
        "agent_client_protocol",
        "agent_client_protocol::jsonrpc::incoming_actor",
    ),
];

/// Starts logging. `filter` was checked by the configuration.
pub(crate) fn start(filter: &str) {
    let layer = tracing_subscriber::fmt::layer()
        .with_writer(io::stderr)
        .with_ansi(false)
        .with_filter(asked(filter).unwrap_or_default())
        .with_filter(at_most());
    // Only a second start in one process can fail.
    let _ = tracing_subscriber::registry().with(layer).try_init();
}

/// What is wrong with a filter, if it can't be read.
pub(crate) fn problem(filter: &str) -> Option<String> {
    asked(filter).err().map(|error| error.to_string())
}

/// Levels by target. The other kind of filter, which also knows spans, brings an engine for regular expressions that
/// every start of every command would pay for.
fn asked(filter: &str) -> Result<Targets, ParseError> {
    let asked: Targets = filter.parse()?;
    let unasked = AS_WELL.iter().filter(|(name, _)| !filter.contains(name));
    Ok(unasked.fold(asked, |asked, (_, target)| {
        asked.with_target(*target, LevelFilter::OFF)
    }))
}

/// Whatever the filter says, no more than this is written.
fn at_most() -> Targets {
    Targets::new()
        .with_default(LevelFilter::TRACE)
        .with_targets(TALKATIVE.map(|target| (target, LevelFilter::INFO)))
        .with_target(CHATTY, LevelFilter::WARN)
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use tracing::Level;

    use super::*;

    #[derive(Clone, Default)]
    struct Written(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Written {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn no_filter_makes_a_library_print_secrets() {
        for target in TALKATIVE {
            let inner = format!("{target}::client::conn");
            for level in [Level::DEBUG, Level::TRACE] {
                assert!(!at_most().would_enable(target, &level), "{target} at {level}");
                assert!(!at_most().would_enable(&inner, &level), "{inner} at {level}");
            }
            assert!(at_most().would_enable(&inner, &Level::INFO), "{inner}");
        }
        assert!(at_most().would_enable("credentials::refresh", &Level::TRACE));
        assert!(!at_most().would_enable("serenity::http::request", &Level::INFO));
        assert!(at_most().would_enable("serenity::gateway", &Level::WARN));
    }

    #[test]
    fn the_cap_holds_under_the_widest_filter() {
        let written = Written::default();
        let writer = written.clone();
        let layer = tracing_subscriber::fmt::layer()
            .with_writer(move || writer.clone())
            .with_ansi(false)
            .with_filter(asked("trace,reqwest=trace").unwrap())
            .with_filter(at_most());
        tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), || {
            tracing::trace!(target: "reqwest::connect", "planted");
            tracing::debug!(target: "oauth2", "planted");
            tracing::trace!(target: "agent_host", "ours");
            tracing::info!(target: "rustls", "harmless");
        });
        let text = String::from_utf8(written.0.lock().unwrap().clone()).unwrap();
        assert!(!text.contains("planted"), "{text}");
        assert!(text.contains("ours") && text.contains("harmless"), "{text}");
    }

    #[test]
    fn what_the_host_says_itself_is_said_twice_only_on_request() {
        for (inner, other) in [
            (
                "serenity::gateway::bridge::shard_manager",
                "serenity::http::ratelimiting",
            ),
            (
                "agent_client_protocol::jsonrpc::incoming_actor",
                "agent_client_protocol::jsonrpc::close",
            ),
        ] {
            let name = other.split(':').next().unwrap();
            let by_name = format!("warn,{name}=warn");
            for (filter, is_shown) in [("warn", false), ("trace", false), (&*by_name, true)] {
                let asked = asked(filter).unwrap();
                assert_eq!(asked.would_enable(inner, &Level::ERROR), is_shown, "{filter}");
                assert!(asked.would_enable(other, &Level::WARN), "{filter}");
            }
        }
    }

    #[test]
    fn a_filter_that_can_not_be_read_is_told() {
        assert!(problem("info,credentials=debug").is_none());
        assert!(problem("credentials=loud").is_some());
    }
}
