//! Looks at a bot from outside, without connecting it: who it is, what is switched on, where it is and what it may do
//! there. For people who set it up, and for those who find out what is wrong.
//!
//! Each request is bounded in time, follows no redirect, and goes to the configured service and nowhere else.

mod identity;
mod people;
mod permissions;
mod places;
mod rest;

pub use identity::{Application, Bot, COMMANDS, Owners, Sessions};
pub use people::{FOUND, Person, Role};
pub use permissions::{Permission, Permissions, invite_link};
pub use places::{Channel, Guild, Looked};
pub use rest::{Rest, Standing, Trouble};

#[cfg(test)]
mod tests;
