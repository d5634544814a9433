//! Front-ends: where threads come from. The built-in one is the web chat.

pub mod discord;
pub mod origins;
pub mod web;

pub use conversation::harmless;
