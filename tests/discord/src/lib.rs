//! A strict Discord of our own, in process: REST below `/api/v10`, a gateway, files, and people who do things there.
//!
//! Start one with [`Fake::start`], build a scene with [`Fake::guild`], let a [`Person`] speak, press and type, and wait
//! with [`Fake::until`] for what the bot does. Every request and every reply is held against Discord's own description of
//! its interface when `DISCORD_OPENAPI` names it; whatever no honest client would send is a complaint, and a test with
//! a complaint fails at its end ([`Fake::assert_clean`]).
//!
//! Inside, `world` is what there is, `rest` and `gateway` are how the bot reaches it, `people` how everybody else does.
//! `limits`, `buckets`, `permissions` and `contract` decide without doing; `faults` are what a test makes go wrong.

mod buckets;
mod clock;
mod contract;
mod control;
mod desk;
mod fake;
mod faults;
mod gateway;
mod held;
mod id;
mod limits;
mod people;
pub mod permissions;
mod rest;
mod scene;
mod tls;
mod world;

pub use buckets::{Limit, Limits};
pub use clock::Clock;
pub use control::GatewayControl;
pub use fake::Fake;
pub use faults::Fault;
pub use gateway::{Gateway, intents};
pub use id::Id;
pub use people::{Person, Post};
pub use rest::Seen;
pub use scene::GuildScene;
pub use tls::TlsDoor;
pub use world::{
    Answer, Application, Asked, Attachment, Channel, Command, Guild, Interaction, Kind, Member, Message,
    Pings, Reaction, Role, Thread, Typing, User, World,
};
