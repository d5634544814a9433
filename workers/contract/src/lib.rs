//! What a worker and its supervisor agree on, besides the Agent Client Protocol itself: framing with limits, the profile
//! that a worker gets in its first frame, and our extension methods.
//!
//! ACP v1, newline-delimited JSON on stdin and stdout; stderr is the worker's log; end of file is the death notice.

mod extension;
pub mod frames;
mod profile;

pub use extension::{DENIAL_REASON, LOGIN_METHOD, LoginAnswer, LoginNeeded};
pub use frames::FRAME_LIMIT;
pub use profile::{Account, HostSecret, META_KEY, MODEL_CHANGE, Permissions, Profile, Provider};
