//! The web chat: threads in a page, on loopback unless somebody checks who comes.
//!
//! Every request passes `gate`: is it meant for us, is it from our pages, who is it. A thread is its owner's alone, and
//! everything that names one goes through one check (`shared`). What happens is sent as events (`events`), drawn on
//! this side (`view`); the page keeps nothing that it could not be sent again.

mod always;
mod choices;
pub(crate) mod command;
mod config;
mod connections;
mod door;
mod enter;
mod events;
mod files;
mod gate;
mod leave;
mod lists;
pub(crate) mod media;
mod older;
mod pages;
mod people;
mod places;
mod private_file;
mod proxy;
mod random;
pub(crate) mod refusal;
mod said;
mod seen;
mod server;
mod shared;
pub(crate) mod sign_in;
mod threads;
mod tries;
mod uploads;
mod view;
pub(crate) mod workspace;

#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;

pub use config::{Access, Config, SHORTEST_PASSWORD, UPLOAD_LIMIT};
pub use private_file::FileError;
pub use proxy::{PROXY_SECRET_HEADER, Proxy, SHORTEST_PROXY_SECRET};
pub use server::{Links, Server, StartError};
