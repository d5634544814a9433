//! Front-ends: where threads come from. The built-in one is the web chat.

mod asking;
mod change;
pub mod discord;
mod notes;
pub mod origins;
mod payers;
mod standing;
pub mod web;

mod figures;

pub use conversation::harmless;
