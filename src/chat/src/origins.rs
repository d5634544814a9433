//! Where threads are that people read elsewhere: other front-ends tell it, and the web chat shows it.

use std::fmt;
use std::sync::{Arc, OnceLock};

use conversation::ThreadId;

/// Where a thread is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    /// In words: `Discord · #general`.
    pub place: String,
    /// Its page there, if that is known.
    pub link: Option<String>,
}

type Tell = dyn Fn(&ThreadId) -> Option<Origin> + Send + Sync;

/// Knows where threads are. Cloned, it is the same.
#[derive(Clone, Default)]
pub struct Origins(Arc<OnceLock<Box<Tell>>>);

impl Origins {
    /// Who can say it; the first one is asked from now on.
    pub fn learn(&self, tell: impl Fn(&ThreadId) -> Option<Origin> + Send + Sync + 'static) {
        // There is one such front-end in a host.
        let _ = self.0.set(Box::new(tell));
    }

    /// Where a thread is; at least which front-end it is of.
    pub fn of(&self, thread: &ThreadId) -> Origin {
        let told = self.0.get().and_then(|tell| tell(thread));
        told.unwrap_or_else(|| Origin {
            place: match thread.front_end() {
                "discord" => "Discord".to_owned(),
                other => other.to_owned(),
            },
            link: None,
        })
    }
}

impl fmt::Debug for Origins {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Origins")
    }
}
