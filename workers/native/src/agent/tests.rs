//! The agent as a client sees it, over a real ACP connection.

mod endings;
mod opening;
mod resuming;
mod scene;
mod signing_in;
mod tools;
mod words;
