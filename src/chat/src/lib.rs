//! Front-ends: where threads come from. The built-in one is the web chat.

pub mod discord;
pub mod origins;
pub mod web;

mod figures;

pub use conversation::harmless;
