//! Discord: conversations in threads, through serenity, whose types stay in here.
//!
//! What can be decided without talking to Discord is pure (`admission`, `split`, `render`, `reconcile`, `nonce`, `names`,
//! `custom_id`, `clock`, `refusals`, `seen`): facts come in as arguments, and what is to be done goes out as a value. Around it:
//! `gateway` brings what happens, `hear` makes turns of messages, `press` and `commands` do what people ask for, `mouth` says
//! what should stand in each thread, and `rest` is the only way to Discord. `catch_up` and `memory` see to it that a restart
//! loses nothing, and `persist` that an outage doesn't. `inspect` asks about a bot before it is connected, for the doctor and
//! the guide.

pub mod admission;
mod adorned;
pub mod config;
pub mod custom_id;
pub mod inspect;
pub mod names;
pub mod nonce;
pub mod reconcile;
pub mod render;
pub mod split;

mod anew;
mod asker;
mod bot;
mod catch_up;
mod clock;
mod commands;
mod files;
mod gateway;
mod haste;
mod health;
mod hear;
mod memory;
mod mouth;
mod owner;
mod payer;
mod persist;
mod places;
mod press;
mod refusals;
mod rest;
mod rules;
mod seen;
mod server;
mod sign_in;
mod signs;
mod trust;

pub use health::{Gateway, Health, INVALID_BAN, INVALID_MANY, INVALID_MOST, Standing};
pub use server::{Doctor, House, NEW_TOKEN, Server, StartError};

/// The part of a thread's name that says that it is Discord's.
const FRONT_END: &str = "discord";
