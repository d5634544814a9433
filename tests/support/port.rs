//! A port that a test can come back to.

use std::net::TcpListener;

/// A free port of this machine that the system gives to nobody who asks for any (those begin at 32768): whoever stops, and
/// listens there again, finds it as free as before. Tests that run side by side begin to look in different places.
pub fn own_port() -> u16 {
    let own = std::process::id() % 20_000;
    let ports = (0..20_000).map(|next| 10_000 + (own * 7 + next) % 20_000);
    let mut ports = ports.filter_map(|port| u16::try_from(port).ok());
    let free = ports.find(|port| TcpListener::bind(("127.0.0.1", *port)).is_ok());
    free.expect("this machine has a free port")
}
