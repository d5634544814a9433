//! Through serenity's own rate limiter, which speaks only to `https://discord.com`.

use std::time::Duration;

use discord_fake::{Fake, Limit, Limits};
use reqwest_of_serenity::{Certificate, Client};
use serenity::all::{ChannelId, HttpBuilder};

#[tokio::test]
async fn serenitys_own_rate_limiter_stays_inside_the_limits() {
    let mut fake = Fake::start().await;
    fake.set_limits(Limits {
        messages: Limit::new(2, Duration::from_millis(600)),
        ..Limits::default()
    });
    let channel = fake.guild("g").channel("c");
    let door = fake.serve_tls().await;
    let client = Client::builder()
        .resolve("discord.com", door.address)
        .add_root_certificate(Certificate::from_der(&door.ca).expect("a certificate"))
        .build()
        .expect("a client");
    let http = HttpBuilder::new(fake.token()).client(client).build();
    for number in 0..5 {
        ChannelId::new(channel.0)
            .say(&http, number.to_string())
            .await
            .expect("sent");
    }
    assert_eq!(fake.said(channel), ["0", "1", "2", "3", "4"]);
    let statuses: Vec<_> = fake.requests().iter().map(|seen| seen.status).collect();
    assert!(statuses.iter().all(|status| *status == 200), "{statuses:?}");
}
