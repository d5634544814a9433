//! A network that falls asleep: it stands between a browser and a host, and goes silent without a word, or stands for a
//! host that has no room.

use std::net::{Ipv4Addr, SocketAddr};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// How the network is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Weather {
    /// Connections of an earlier age are dead: open, and silent for ever.
    age: u64,
    /// Nothing gets through, and nothing is refused.
    asleep: bool,
    /// Whatever is asked is refused, to be asked again after so many seconds.
    refuses: Option<u16>,
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
            refuses: None,
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
        self.weather.send_modify(|weather| {
            weather.asleep = false;
            weather.refuses = None;
        });
    }

    /// What is connected is cut, and whatever is asked from now on is refused, as by a host that has no room: to be asked
    /// again after so many seconds.
    pub fn refuse(&self, seconds: u16) {
        self.weather.send_modify(|weather| {
            weather.age += 1;
            weather.refuses = Some(seconds);
        });
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
    let Weather { age, refuses, .. } = *heard.borrow();
    if let Some(seconds) = refuses {
        return refuse(near, seconds).await;
    }
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let Ok(mut far) = TcpStream::connect(address).await else {
        return;
    };
    let died = tokio::select! {
        // However it ended, both are closed.
        _ = tokio::io::copy_bidirectional(&mut near, &mut far) => return,
        died = heard.wait_for(|weather| weather.age != age) => died.is_ok(),
    };
    if heard.borrow().refuses.is_some() {
        return;
    }
    if !died || heard.wait_for(|weather| !weather.asleep).await.is_err() {
        return;
    }
    // Both ends stay open and hear nothing; who speaks after the sleep learns that nobody knows the connection any more.
    tokio::select! {
        _ = near.readable() => {}
        () = gone(&mut heard) => {}
    }
}

/// Answers one request.
async fn refuse(mut near: TcpStream, seconds: u16) {
    let mut request = vec![];
    while !request.ends_with(b"\r\n\r\n") {
        match near.read_u8().await {
            Ok(byte) => request.push(byte),
            Err(_) => return,
        }
    }
    let body = r#"{"error":"there is no room","hint":"close a page","again":true}"#;
    let answer = format!(
        "HTTP/1.1 503 Service Unavailable\r\nretry-after: {seconds}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\
         connection: close\r\n\r\n{body}",
        body.len()
    );
    // Whoever does not wait for the answer needs none.
    let _ = near.write_all(answer.as_bytes()).await;
}
