//! The web chat over real HTTP, with a supervisor and workers that are real processes.

mod coming_in;
mod files;
mod guests;
mod house;
mod logins;
mod signing_in;
mod strangers;
mod streams;
mod talking;
