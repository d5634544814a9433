//! What the inspection promises where no server is needed.

use secrecy::SecretString;

use super::permissions::Place;
use super::*;
use crate::discord::config::Server;

fn in_channel(given: u64) -> Permissions {
    let place = Place::Channel;
    Permissions { given, place }
}

#[test]
fn the_invite_asks_for_what_is_needed_and_nothing_else() {
    let link = invite_link(42);
    assert_eq!(
        link,
        "https://discord.com/oauth2/authorize?client_id=42&scope=bot+applications.commands&permissions=309237746752"
    );
    let bits: u64 = link.rsplit('=').next().unwrap().parse().unwrap();
    assert_eq!(in_channel(bits).missing(), Vec::<&str>::new());
    assert_eq!(bits.count_ones(), 7);
}

#[test]
fn what_is_missing_is_named_and_who_sees_nothing_is_told_only_that() {
    assert_eq!(in_channel(0).missing(), ["View Channel"]);
    let no_files = in_channel(Permissions::ALL_NEEDED & !(1 << 15) & !(1 << 38));
    assert_eq!(no_files.missing(), ["Send Messages in Threads", "Attach Files"]);
}

#[test]
fn of_each_kind_of_channel_it_is_known_what_the_bot_does_there() {
    for (kind, place) in [
        (0, Some(Place::Channel)),
        (5, Some(Place::Channel)),
        (15, Some(Place::Forum)),
        // Forums for media, which serenity has no name for.
        (16, Some(Place::Forum)),
        // Voices, stages, categories, threads, directories, and what nobody knows yet.
        (2, None),
        (13, None),
        (4, None),
        (11, None),
        (14, None),
        (99, None),
    ] {
        assert_eq!(Place::of(kind.into()), place, "{kind}");
    }
}

#[tokio::test]
async fn a_service_that_is_not_there_is_told_and_the_token_is_not() {
    let token = SecretString::from("planted.to.ken");
    let server = Server {
        api_base: Some("http://127.0.0.1:1/".parse().unwrap()),
        ..Server::default()
    };
    let rest = Rest::new(&token, &server).unwrap();
    let trouble = rest.bot().await.unwrap_err();
    assert!(trouble.may_pass(), "{trouble}");
    assert!(
        trouble
            .to_string()
            .starts_with("could not reach http://127.0.0.1:1/"),
        "{trouble}"
    );
    assert!(!format!("{rest:?} {trouble:?}").contains("planted"));
}

#[tokio::test]
async fn who_was_invited_into_the_team_and_has_not_said_yes_is_no_owner() {
    let fake = discord_fake::Fake::start().await;
    let (alice, bob) = (fake.person("alice"), fake.person("bob"));
    fake.set_team(&[&alice]);
    fake.invite_into_team(&bob);
    let server = Server {
        api_base: Some(fake.api_base().parse().unwrap()),
        ..Server::default()
    };
    let rest = Rest::new(&fake.token().to_owned().into(), &server).unwrap();
    let owners = rest.application().await.unwrap().owners;
    assert_eq!(owners.ids, [alice.id.0].into());
    assert_eq!(owners.words, "the team team (1 member)");
}

#[tokio::test]
async fn all_servers_are_listed_however_many_pages_they_fill() {
    let fake = discord_fake::Fake::start().await;
    for number in 0..201 {
        fake.guild(&format!("town {number}"));
    }
    let server = Server {
        api_base: Some(fake.api_base().parse().unwrap()),
        ..Server::default()
    };
    let rest = Rest::new(&fake.token().to_owned().into(), &server).unwrap();
    let guilds = rest.guilds().await.unwrap();
    assert_eq!(guilds.len(), 201);
    assert_eq!(guilds.last().map(|guild| guild.name.as_str()), Some("town 200"));
    // After the patience no further one is looked at, and that is told.
    let bot = rest.bot().await.unwrap().id;
    let looked = rest
        .channels_of(&guilds[..20], bot, std::time::Duration::from_millis(300))
        .await
        .unwrap();
    assert!((1..20).contains(&looked.left_out), "{}", looked.left_out);
}
