//! The sandbox that tools run in: a cleared environment, no inherited descriptors, a session of its own, resource limits,
//! `no_new_privs`, no capabilities, Landlock. Linux.
//!
//! The caller says what it wants ([`Policy`]); [`Cage::prepare`] asks the kernel what it can do and builds everything
//! before the fork; between fork and exec only plain system calls happen. A required layer that is missing refuses.

mod policy;

pub use policy::{Layer, Policy};
