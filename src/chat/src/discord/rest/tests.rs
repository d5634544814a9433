//! Towards Discord itself: through serenity's own rate limiter, over TLS, with nothing of ours in between.

use std::sync::atomic::{AtomicUsize, Ordering};

use discord_fake::{Fake, Fault, Id, Limit, Limits};
use reqwest_of_serenity::{Certificate, Client};
use serenity::http::{LightMethod, Route};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use super::tally::Budget;
use super::*;

/// A fake that passes for `https://discord.com`, and a channel in it.
async fn discord() -> (Fake, Rest, Id) {
    let mut fake = Fake::start().await;
    fake.set_limits(Limits {
        messages: Limit::new(2, Duration::from_millis(600)),
        edits: Limit::new(2, Duration::from_millis(600)),
        ..Limits::default()
    });
    let channel = fake.guild("g").channel("c");
    let door = fake.serve_tls().await;
    let client = Client::builder()
        .resolve("discord.com", door.address)
        .add_root_certificate(Certificate::from_der(&door.ca).unwrap())
        .build()
        .unwrap();
    let rest = Rest::with(
        &fake.token().into(),
        None,
        client,
        trust::tls(&Server::default()).unwrap(),
    );
    (fake, rest, channel)
}

fn statuses(fake: &Fake, wanted: u16) -> usize {
    let requests = fake.requests();
    requests.iter().filter(|seen| seen.status == wanted).count()
}

fn named(words: &str, nonce: &str) -> Outgoing {
    let mut message = Outgoing::words(words);
    message.nonce = Some(nonce.to_owned());
    message
}

#[tokio::test]
async fn messages_and_edits_are_paced_and_none_is_too_much() {
    let (fake, rest, channel) = discord().await;
    let mut last = 0;
    for number in 0..5 {
        let message = named(&number.to_string(), &format!("n{number}"));
        last = rest.send(channel.0, message, true).await.unwrap().id;
    }
    for number in 5..9 {
        let to = Outgoing::words(number.to_string());
        rest.edit(channel.0, last, to).await.unwrap();
    }
    assert_eq!(fake.said(channel), ["0", "1", "2", "3", "8"]);
    assert_eq!(statuses(&fake, 429), 0);
    let (met, invalid) = rest.tally.lately();
    assert!(met > 0 && invalid == 0, "{met} waits, {invalid} refusals");
}

#[tokio::test]
async fn whoever_is_refused_too_often_asks_no_more_and_least_of_all_for_what_can_be_left_out() {
    let (fake, mut rest, channel) = discord().await;
    rest.tally = Tally::with(Budget { niceties: 2, all: 4 });
    fake.inject(Fault::status(403).times(100));
    let reply = || Outgoing {
        reply_to: Some(channel.0),
        ..Outgoing::words("no")
    };
    let is_held_back = |trouble: &Trouble| matches!(trouble, Trouble::Limited { .. });
    for held_back in [false, false, true, true] {
        let trouble = rest.send(channel.0, reply(), true).await.err().unwrap();
        assert_eq!(is_held_back(&trouble), held_back, "{trouble}");
    }
    assert!(is_held_back(
        &rest.react(channel.0, 1, "x", true).await.unwrap_err()
    ));
    assert!(is_held_back(&rest.typing(channel.0).await.unwrap_err()));
    for held_back in [false, false, true, true] {
        let trouble = rest.channel(channel.0).await.unwrap_err();
        assert_eq!(is_held_back(&trouble), held_back, "{trouble}");
    }
    assert_eq!((fake.invalid_requests(), rest.tally.lately().1), (4, 4));
}

#[tokio::test]
async fn what_was_too_much_after_all_is_sent_again_and_is_there_once() {
    let (fake, rest, channel) = discord().await;
    fake.inject(Fault::too_many(Duration::from_millis(200)).on("POST", "/channels/*/messages"));
    rest.send(channel.0, named("once", "n1"), true).await.unwrap();
    assert_eq!(
        (fake.said(channel), statuses(&fake, 429)),
        (vec!["once".to_owned()], 1)
    );
    assert_eq!(rest.tally.lately(), (1, 1), "Discord counts it, too");
    fake.inject(Fault::answer_lost().on("POST", "/channels/*/messages"));
    let lost = rest.send(channel.0, named("twice", "n2"), true).await;
    assert!(
        matches!(lost, Err(Trouble::Unknown(_))),
        "nobody knows whether it is there"
    );
    rest.send(channel.0, named("twice", "n2"), true).await.unwrap();
    assert_eq!(fake.said(channel), ["once", "twice"]);
}

#[tokio::test]
async fn refusals_and_outages_are_told_apart() {
    let (fake, rest, channel) = discord().await;
    let refused = rest.channel(channel.0 + 1).await;
    assert!(
        matches!(
            refused,
            Err(Trouble::Refused {
                status: 404,
                code: 10_003,
                ..
            })
        ),
        "an unknown channel"
    );
    fake.inject(Fault::status(502));
    let failed = rest.channel(channel.0).await;
    assert!(matches!(failed, Err(Trouble::Failed(_))), "an outage ends");
    fake.inject(Fault::done_then(502).on("POST", "/channels/*/messages"));
    let sent = rest.send(channel.0, named("there", "n1"), true).await;
    assert!(matches!(sent, Err(Trouble::Unknown(_))), "it may be there");
    assert_eq!(fake.said(channel), ["there"]);
}

#[test]
fn a_refusal_of_words_is_told_from_others_and_what_nobody_explains_may_be_taken_later() {
    let call = Call::new(LightMethod::Get, Route::UserMe, Lane("other", 0));
    for (status, code, names, of_words, unexplained) in [
        (400, 240_000, vec![], true, false),
        (400, 200_000, vec![], true, false),
        (400, 50_035, vec![], true, false),
        (400, 50_035, vec!["message_reference", "content"], true, false),
        (400, 50_035, vec!["components"], true, false),
        (400, 50_035, vec!["embeds"], true, false),
        (400, 50_035, vec!["nonce"], false, true),
        (400, 0, vec![], false, true),
        (400, 50_083, vec![], false, false),
        (400, 50_024, vec![], false, false),
        (403, 0, vec![], false, false),
        (502, 0, vec![], false, false),
    ] {
        let names: Vec<String> = names.into_iter().map(str::to_owned).collect();
        let trouble = call
            .trouble(status, code, Some("No".to_owned()), None)
            .naming(names.clone());
        let told = (trouble.is_of_words(), trouble.is_unexplained());
        assert_eq!(told, (of_words, unexplained), "{status} {code} {names:?}");
    }
}

#[test]
fn only_what_discord_itself_refuses_is_refused_for_good() {
    let call = Call::new(LightMethod::Get, Route::UserMe, Lane("other", 0));
    let discords = || Some("No".to_owned());
    for (status, code, words, is_final) in [
        (403, 50_013, discords(), true),
        (404, 10_003, discords(), true),
        (401, 50_027, discords(), true),
        (413, 0, None, true),
        (401, 0, discords(), false),
        (403, -1, None, false),
        (404, 0, None, false),
    ] {
        let trouble = call.trouble(status, code, words, None);
        let is_refused = matches!(trouble, Trouble::Refused { .. });
        let is_barred = matches!(trouble, Trouble::Barred(_));
        assert_eq!(
            is_barred,
            !is_final && status != 401,
            "{status} {code}: {trouble}"
        );
        assert_eq!(is_refused, is_final, "{status} {code}: {trouble}");
    }
}

/// A server that answers all that it is asked with this, and how often it was asked.
async fn server(answer: impl Into<String>) -> (Url, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let (answer, asked) = (answer.into(), Arc::new(AtomicUsize::new(0)));
    let counts = Arc::clone(&asked);
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            counts.fetch_add(1, Ordering::SeqCst);
            let _ = stream.read(&mut [0; 4096]).await;
            let _ = stream.write_all(answer.as_bytes()).await;
        }
    });
    (url.parse().unwrap(), asked)
}

/// A bot at this server.
fn at(server: &Url) -> Rest {
    let server = Server {
        api_base: Some(server.clone()),
        ..Server::default()
    };
    Rest::new(&"a-token".into(), &server).unwrap()
}

#[tokio::test]
async fn what_is_asked_of_a_server_on_this_machine_goes_to_no_other_whatever_that_says() {
    let (elsewhere, reached) = server("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}").await;
    let (near, asked) = server(format!(
        "HTTP/1.1 307 Moved\r\nlocation: {elsewhere}\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"
    ))
    .await;
    let rest = at(&near);
    assert!(rest.channel(1).await.is_err());
    assert!(rest.send(1, Outgoing::words("words"), true).await.is_err());
    let file = near.join("cdn/file").unwrap();
    assert!(rest.download(file.as_str(), 9).await.is_err());
    assert_eq!(asked.load(Ordering::SeqCst), 3);
    // What a message says of its files may lead anywhere.
    assert!(rest.download(elsewhere.as_str(), 9).await.is_err());
    assert_eq!(reached.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn a_file_that_is_larger_than_it_was_said_to_be_is_not_taken() {
    let (near, _) = server("HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 5\r\n\r\nwords").await;
    let (rest, file) = (at(&near), near.join("cdn/file").unwrap());
    assert_eq!(rest.download(file.as_str(), 5).await.unwrap(), b"words");
    let large = rest.download(file.as_str(), 4).await;
    assert!(matches!(large, Err(Trouble::Failed(why)) if why.contains("larger than it was said")));
}
