//! End-to-end tests: real processes against the strict authorization server. `tests/README.md` maps promises to tests.

mod bad_files;
mod bot_doctor;
mod browser;
mod cards;
mod chat;
mod ctrl_c;
mod disk;
mod external;
mod first_minute;
mod host_kills;
mod house;
mod interleavings;
mod kills;
mod locks;
mod order;
mod page;
mod people;
mod protocol;
mod real_model;
mod secrets;
mod sign_in;
mod storm;
mod threads;
mod trouble;
mod worker;
