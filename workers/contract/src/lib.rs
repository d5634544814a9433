//! What a worker and its supervisor agree on, besides the Agent Client Protocol itself: framing with limits, the profile
//! that a worker gets in its first frame, and our extension methods.
//!
//! ACP v1, newline-delimited JSON on stdin and stdout; stderr is the worker's log; end of file is the death notice.

mod extension;
mod profile;

pub use extension::{
    DENIAL_REASON, FAILURE, LOGIN_METHOD, LoginAnswer, LoginNeeded, STATUS_METHOD, Status, TurnFailure,
};
pub use profile::{
    Account, HostSecret, META_KEY, MODEL_CHANGE, Permissions, Profile, ProfileError, Provider,
};

/// The longest frame in bytes, its newline not counted. Longer ones end the connection.
pub const FRAME_LIMIT: usize = 16 * 1024 * 1024;
