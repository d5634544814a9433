//! A network that falls asleep: it stands between a browser and a host, and goes silent without a word.

use std::net::{Ipv4Addr, SocketAddr};

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// How the network is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Weather {
    /// Connections of an earlier age are dead: open, and silent for ever.
    age: u64,
    /// Nothing gets through, and nothing is refused.
    asleep: bool,
}

/// The network. Dropped, it is gone with all connections.
#[derive(Debug)]
pub struct Flaky {
    port: u16,
    weather: watch::Sender<Weather>,
}

impl Flaky {
    /// To this port of this machine.
    pub async fn to(port: u16) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
            .await
            .expect("loopback can be listened on");
        let own = listener.local_addr().expect("it is bound").port();
        let (weather, mut heard) = watch::channel(Weather {
            age: 0,
            asleep: false,
        });
        tokio::spawn(async move {
            loop {
                let accepted = tokio::select! {
                    accepted = listener.accept() => accepted,
                    () = gone(&mut heard) => return,
                };
                if let Ok((stream, _)) = accepted {
                    tokio::spawn(carry(stream, port, heard.clone()));
                }
            }
        });
        Self { port: own, weather }
    }

    /// Where it listens.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// What is connected is dead from now on, and neither end is told; what connects waits.
    pub fn sleep(&self) {
        self.weather.send_modify(|weather| {
            weather.age += 1;
            weather.asleep = true;
        });
    }

    /// New connections get through.
    pub fn wake(&self) {
        self.weather.send_modify(|weather| weather.asleep = false);
    }
}

/// Ends with the network.
async fn gone(heard: &mut watch::Receiver<Weather>) {
    while heard.changed().await.is_ok() {}
}

async fn carry(mut near: TcpStream, port: u16, mut heard: watch::Receiver<Weather>) {
    if heard.wait_for(|weather| !weather.asleep).await.is_err() {
        return;
    }
    let age = heard.borrow().age;
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let Ok(mut far) = TcpStream::connect(address).await else {
        return;
    };
    let died = tokio::select! {
        // However it ended, both are closed.
        _ = tokio::io::copy_bidirectional(&mut near, &mut far) => return,
        died = heard.wait_for(|weather| weather.age != age) => died.is_ok(),
    };
    if !died || heard.wait_for(|weather| !weather.asleep).await.is_err() {
        return;
    }
    // Both ends stay open and hear nothing; who speaks after the sleep learns that nobody knows the connection any more.
    tokio::select! {
        _ = near.readable() => {}
        () = gone(&mut heard) => {}
    }
}
