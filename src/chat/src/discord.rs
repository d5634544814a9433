//! Discord: what can be decided without talking to it. Everything here is pure: facts come in as arguments, and what is to
//! be done goes out as a value. Only `inspect` asks Discord something: about a bot, before it is connected.

pub mod admission;
pub mod config;
pub mod custom_id;
pub mod inspect;
pub mod names;
pub mod nonce;
pub mod reconcile;
pub mod render;
pub mod split;
