//! Threads to workers: one process per thread, owned by one task, limited, restarted, ended with everything it started.
//! Knows no front-end: it publishes updates, they subscribe.

mod admission;
mod command;
mod config;
mod dispatch;
mod ending;
mod entry;
mod feed;
mod files;
mod logins;
mod models;
mod phase;
mod places;
mod probe;
mod process;
mod restart;
mod rights;
mod shared;
mod speaker;
mod state;
mod status;
mod supervisor;
mod sweep;
mod task;
mod timeline;
mod update;
mod worker;

pub use admission::Admission;
pub use config::{Agent, AgentKind, Config, Limits};
pub use models::{Offer, Offered, Offers, Setting};
pub use probe::{Unfit, probe};
pub use rights::{Deed, is_mode_guarded};
pub use status::{Attention, ThreadStatus, WorkerState, WorkerStatus};
pub use supervisor::{
    Amended, Answer, Happened, Message, Posted, Skipped, Supervisor, SupervisorError, attention_offline,
    longest_drain, reset_offline, take_back_offline, unanswered,
};
pub use timeline::{LONGEST_TEXT, describe_diffs};
pub use update::{Change, Doing, Snapshot, Subscription, ThreadPhase, Update};
