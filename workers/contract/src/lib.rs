//! What a worker and its supervisor agree on, besides the Agent Client Protocol itself: framing with limits, the profile
//! that a worker gets in its first frame, and our extension methods.
//!
//! ACP v1, newline-delimited JSON on stdin and stdout; stderr is the worker's log; end of file is the death notice.

mod extension;
pub mod frames;
mod profile;

pub use extension::{
    CANCELLER, Canceller, DENIAL_REASON, FAILURE, HOST_REASON, LIKENESS, LOGIN_METHOD, LoginAnswer,
    LoginNeeded, STATUS_METHOD, STOPPED, Status, TurnFailure,
};
pub use frames::FRAME_LIMIT;
pub use profile::{
    Account, HostSecret, META_KEY, MODEL_CALLS, MODEL_CHANGE, PATIENCE, PROCESSES, Permissions, Profile,
    ProfileError, Provider,
};

/// The longest that a tool of the built-in agent runs: what a command may ask for.
pub const LONGEST_TOOL: std::time::Duration = std::time::Duration::from_mins(30);

/// The variable that a worker and everything it starts have in their environment: the host's state folder. After a host
/// that was killed, the next one finds by it what is left.
pub const STATE_MARKER: &str = "AGENT_HOST_STATE";
