//! What the end-to-end tests share: a scene with a strict authorization server and a store, and programs to start in it.

mod browser;
mod fifo;
mod flaky;
mod host;
mod kernel;
mod live;
mod person;
mod port;
mod programs;
mod pty;
mod scene;
mod shell;

pub use browser::{Browser, Spoken};
pub use discord_fake as discord;
pub use fifo::Fifo;
pub use flaky::Flaky;
pub use host::Host;
pub use kernel::{pss, until, waiters};
pub use live::Live;
pub use person::{Ear, Heard, Person, client, consent};
pub use port::own_port;
pub use programs::{Caller, Holder, Report, agent_host, lower_open_files, move_aside, program};
pub use pty::Pty;
pub use scene::{MODEL_KEY, Scene};
pub use shell::shell_agent;
