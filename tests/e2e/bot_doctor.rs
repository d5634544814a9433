//! `doctor` about Discord: green when all is well, and for each fault the words and the place to go to.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use serde_json::Value;
use support::discord::{Fake, Fault, Kind, intents, permissions};
use support::{Host, agent_host};
use tempfile::TempDir;

const FORGED: &str = "MTAwMDAwMDAwMDAwMDAwMDAw.forged.planted-token-that-nobody-ever-gave-out";

/// A guild `town` with `#general`, and a home whose configuration has `more` in `[discord]`.
async fn scene(more: impl Fn(&Fake) -> String) -> (Fake, TempDir) {
    let fake = Fake::start().await;
    fake.guild("town").channel("general");
    let home = tempfile::tempdir().expect("a folder can be made");
    configure(&fake, home.path(), &more(&fake));
    (fake, home)
}

fn configure(fake: &Fake, home: &Path, more: &str) {
    let base = fake.api_base();
    let config = format!("[discord]\napi_base = \"{base}\"\n{more}\n");
    fs::write(home.join("config.toml"), config).expect("a configuration can be written");
}

/// What `doctor --json` says, with these variables. No word of the token is in it.
async fn report(home: &Path, variables: &[(&str, &str)]) -> Value {
    let mut command = agent_host(home);
    command
        .args(["doctor", "--json"])
        .env("AGENT_HOST_LOG", "trace")
        .envs(variables.iter().copied());
    let output = tokio::task::spawn_blocking(move || command.output().expect("it starts"));
    let output = output.await.expect("it ends");
    let all = [&output.stdout[..], &output.stderr[..]].concat();
    let all = String::from_utf8(all).expect("text");
    for secret in ["only-known-to-the-fake", "planted"] {
        assert!(!all.contains(secret), "{all}");
    }
    serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("not a report: {all}"))
}

async fn checks(fake: &Fake, home: &Path) -> Value {
    report(home, &[("DISCORD_TOKEN", fake.token())]).await
}

/// Status, message and hint of a check.
#[track_caller]
fn check(report: &Value, name: &str) -> (String, String, String) {
    let checks = report["checks"].as_array().expect("a list");
    let found = checks.iter().find(|check| check["name"] == name);
    let found = found.unwrap_or_else(|| panic!("no check {name} in {report:#}"));
    let text = |key: &str| found[key].as_str().unwrap_or_default().to_owned();
    (text("status"), text("message"), text("hint"))
}

/// Asserts that this check says all of this, in message or hint.
#[track_caller]
fn says(report: &Value, name: &str, status: &str, words: &[&str]) {
    let (found, message, hint) = check(report, name);
    assert_eq!(found, status, "{name}: {message} ({hint})");
    for words in words {
        assert!(
            message.contains(words) || hint.contains(words),
            "{name}: {message} ({hint})"
        );
    }
    assert_eq!(status == "ok", hint.is_empty(), "{name}: {message} ({hint})");
}

#[tokio::test]
async fn a_bot_that_is_set_up_well_is_told_check_by_check() {
    let (fake, home) = scene(|_| String::new()).await;
    let report = checks(&fake, home.path()).await;
    says(
        &report,
        "bot-token",
        "ok",
        &[
            "DISCORD_TOKEN holds the token of the bot",
            &fake.bot().to_string(),
        ],
    );
    says(&report, "bot-intents", "ok", &["Message Content Intent is on"]);
    says(&report, "bot-people", "ok", &["may speak to it: "]);
    says(&report, "bot-channels", "ok", &["#general, in town"]);
    says(&report, "bot-commands", "ok", &["none is registered yet"]);
    says(
        &report,
        "bot-sessions",
        "ok",
        &["nobody has connected with this token today"],
    );
    says(&report, "bot-limits", "ok", &["none refused"]);
    let mut human = agent_host(home.path());
    human.arg("doctor").env("DISCORD_TOKEN", fake.token());
    let human = tokio::task::spawn_blocking(move || human.output().expect("it starts").stdout);
    let human = String::from_utf8(human.await.expect("it ends")).expect("text");
    assert!(human.contains("ok   bot-channels may do all"), "{human}");
}

#[tokio::test]
async fn without_discord_nothing_is_said_of_it() {
    let home = tempfile::tempdir().expect("a folder can be made");
    let report = report(home.path(), &[]).await;
    let names = report["checks"].as_array().expect("a list").iter();
    let names: Vec<&str> = names.filter_map(|check| check["name"].as_str()).collect();
    assert!(
        !names.is_empty() && !names.iter().any(|name| name.starts_with("bot")),
        "{names:?}"
    );
}

#[tokio::test]
async fn a_token_that_was_taken_back_is_told_with_the_page_that_makes_a_new_one() {
    let (fake, home) = scene(|_| String::new()).await;
    let told = report(home.path(), &[("DISCORD_TOKEN", FORGED)]).await;
    says(
        &told,
        "bot-token",
        "fail",
        &[
            "from DISCORD_TOKEN was not accepted",
            "does not know this token",
            "Reset Token",
        ],
    );
    assert_eq!(fake.requests().len(), 1, "nothing more is asked with it");
    assert_eq!(told["ok"], false);
}

#[tokio::test]
async fn the_token_is_read_where_it_is() {
    let (fake, home) = scene(|_| String::new()).await;
    let file = home.path().join("token");
    fs::write(&file, format!("{}\n", fake.token())).expect("a file can be written");
    let chmod = |mode| {
        let mode = fs::Permissions::from_mode(mode);
        fs::set_permissions(&file, mode).expect("a mode can be set");
    };
    configure(&fake, home.path(), "token_file = \"token\"");
    chmod(0o600);
    let token_is = |report: &Value, status: &str, words: &[&str]| says(report, "bot-token", status, words);
    token_is(
        &report(home.path(), &[]).await,
        "ok",
        &["/token` holds the token of the bot"],
    );
    chmod(0o644);
    token_is(
        &report(home.path(), &[]).await,
        "warn",
        &["every user of this machine may read", "chmod 600"],
    );

    let command = |script: &str| format!("token_command = [\"/bin/sh\", \"-c\", \"{script}\"]");
    configure(&fake, home.path(), &command(&format!("echo {}", fake.token())));
    token_is(
        &report(home.path(), &[]).await,
        "ok",
        &["the command `/bin/sh` holds"],
    );
    configure(&fake, home.path(), &command("echo planted; exit 7"));
    token_is(
        &report(home.path(), &[]).await,
        "fail",
        &["`/bin/sh` ended with exit status: 7"],
    );

    // As systemd and Docker hand secrets over.
    configure(&fake, home.path(), "");
    let given = home.path().join("given");
    fs::create_dir(&given).expect("a folder can be made");
    fs::copy(&file, given.join("DISCORD_TOKEN")).expect("a file can be copied");
    let given = given.to_str().expect("text");
    let told = report(home.path(), &[("CREDENTIALS_DIRECTORY", given)]).await;
    token_is(&told, "warn", &["the service's credential DISCORD_TOKEN holds"]);
}

#[tokio::test]
async fn an_intent_that_is_off_is_told_with_its_switch() {
    let (fake, home) = scene(|_| String::new()).await;
    fake.set_privileged(intents::GUILD_MEMBERS);
    let report = checks(&fake, home.path()).await;
    let application = fake.look(|world| world.application().id).to_string();
    let page = format!("discord.com/developers/applications/{application}/bot");
    says(
        &report,
        "bot-intents",
        "fail",
        &["4014", &page, "Message Content Intent"],
    );
}

#[tokio::test]
async fn each_missing_permission_is_named_with_its_channel() {
    let (fake, home) =
        scene(|fake| format!("allowed_channels = [{}]", fake.guild("town").channel("general"))).await;
    let town = fake.guild("town");
    let general = town.channel("general");
    for (bit, name) in [
        (permissions::SEND_MESSAGES_IN_THREADS, "Send Messages in Threads"),
        (permissions::CREATE_PUBLIC_THREADS, "Create Public Threads"),
        (permissions::ATTACH_FILES, "Attach Files"),
        (permissions::READ_MESSAGE_HISTORY, "Read Message History"),
        (permissions::ADD_REACTIONS, "Add Reactions"),
        (permissions::SEND_MESSAGES, "Send Messages"),
        (permissions::VIEW_CHANNEL, "View Channel"),
    ] {
        town.overwrite(general, fake.bot(), 0, bit);
        // So many reports in a row would be too many questions.
        fake.clock().advance(Duration::from_secs(10));
        let report = checks(&fake, home.path()).await;
        let link = format!("discord.com/channels/{}/{general}", town.id);
        let (_, message, hint) = check(&report, "bot-channels");
        assert_eq!(message, format!("#general lacks {name}"), "{hint}");
        says(
            &report,
            "bot-channels",
            "fail",
            &["Edit Channel → Permissions", &link],
        );
    }
    // By a role, and not in this channel alone.
    town.overwrite(general, fake.bot(), 0, 0);
    town.set_role(town.id, permissions::EVERYDAY & !permissions::ATTACH_FILES);
    let report = checks(&fake, home.path()).await;
    says(&report, "bot-channels", "fail", &["#general lacks Attach Files"]);
}

#[tokio::test]
async fn places_where_the_bot_is_not_are_told_with_the_invitation() {
    let (fake, home) = scene(|_| "allowed_channels = [77]\nguilds = [88]".to_owned()).await;
    let report = checks(&fake, home.path()).await;
    let words = [
        "not in the server 88",
        "no server that the bot is in has a text channel or forum 77",
        "discord.com/oauth2/authorize?client_id=",
        "permissions=309237746752",
    ];
    says(&report, "bot-channels", "fail", &words);
    configure(&fake, home.path(), "");
    fake.guild("town").expel_bot();
    let report = checks(&fake, home.path()).await;
    says(
        &report,
        "bot-channels",
        "fail",
        &["the bot is in no server", "oauth2/authorize"],
    );
}

#[tokio::test]
async fn without_a_list_a_channel_that_lacks_something_is_told_and_hidden_ones_are_not() {
    let (fake, home) = scene(|_| String::new()).await;
    let town = fake.guild("town");
    let quiet = town.channel("quiet");
    town.overwrite(quiet, fake.bot(), 0, permissions::ADD_REACTIONS);
    town.overwrite(town.channel("private"), town.id, 0, permissions::VIEW_CHANNEL);
    let report = checks(&fake, home.path()).await;
    says(&report, "bot-channels", "warn", &["#quiet lacks Add Reactions"]);
    assert!(!report.to_string().contains("private"), "{report:#}");
    // Where it may speak nowhere a person must act.
    let general = town.channel("general");
    for (denied, status) in [
        (permissions::SEND_MESSAGES, "fail"),
        (permissions::CREATE_PUBLIC_THREADS, "fail"),
        (permissions::SEND_MESSAGES_IN_THREADS, "fail"),
        (0, "warn"),
    ] {
        town.overwrite(quiet, fake.bot(), 0, permissions::SEND_MESSAGES);
        town.overwrite(general, fake.bot(), 0, denied);
        fake.clock().advance(Duration::from_secs(10));
        let report = checks(&fake, home.path()).await;
        says(&report, "bot-channels", status, &["#quiet lacks Send Messages"]);
    }
}

#[tokio::test]
async fn a_forum_needs_what_is_said_in_posts_and_one_for_news_what_a_channel_needs() {
    let (fake, home) = scene(|_| String::new()).await;
    let town = fake.guild("town");
    town.overwrite(town.channel("general"), town.id, 0, permissions::VIEW_CHANNEL);
    let forum = town.forum("questions");
    // Both are for those who open threads or make posts: the bot answers in other people's.
    let opens = permissions::SEND_MESSAGES | permissions::CREATE_PUBLIC_THREADS;
    town.overwrite(forum, fake.bot(), 0, opens);
    let report = checks(&fake, home.path()).await;
    says(&report, "bot-channels", "ok", &["#questions, in town"]);
    for (bit, status, name) in [
        (permissions::ATTACH_FILES, "warn", "Attach Files"),
        (
            permissions::SEND_MESSAGES_IN_THREADS,
            "fail",
            "Send Messages in Threads",
        ),
    ] {
        town.overwrite(forum, fake.bot(), 0, opens | bit);
        fake.clock().advance(Duration::from_secs(10));
        let report = checks(&fake, home.path()).await;
        let (found, message, hint) = check(&report, "bot-channels");
        assert_eq!(
            (found.as_str(), message),
            (status, format!("#questions lacks {name}")),
            "{hint}"
        );
    }
    let news = town.place("news", Kind::News);
    town.overwrite(news, fake.bot(), 0, permissions::CREATE_PUBLIC_THREADS);
    fake.clock().advance(Duration::from_secs(10));
    let report = checks(&fake, home.path()).await;
    let words = ["#questions lacks Send", "#news lacks Create Public Threads"];
    says(&report, "bot-channels", "fail", &words);
}

#[tokio::test]
async fn a_bot_in_many_servers_is_looked_at_in_all_of_them_and_told_in_a_few_words() {
    const MANY: usize = 40;
    let (fake, home) = scene(|_| String::new()).await;
    let guilds: Vec<_> = (0..MANY)
        .map(|number| fake.guild(&format!("town {number}")))
        .collect();
    for guild in &guilds {
        guild.channel("square");
    }
    let report = checks(&fake, home.path()).await;
    let words = ["#square", "and 33 more, in town", "and 33 more"];
    says(&report, "bot-channels", "ok", &words);
    let (_, message, _) = check(&report, "bot-channels");
    assert!(
        message.len() < 500 && !message.contains("not looked at"),
        "{message}"
    );
    // In the last one.
    let last = &guilds[MANY - 1];
    last.overwrite(last.channel("square"), fake.bot(), 0, permissions::ATTACH_FILES);
    let report = checks(&fake, home.path()).await;
    says(&report, "bot-channels", "warn", &["#square lacks Attach Files"]);
    let limited = fake.requests();
    assert!(limited.iter().all(|seen| seen.status != 429), "inside the limits");
}

#[tokio::test]
async fn too_many_requests_are_told_and_not_repeated() {
    let (fake, home) = scene(|_| String::new()).await;
    let refusal = Fault::too_many_globally(Duration::from_secs(90));
    fake.inject(refusal.on("GET", "/gateway/bot"));
    let report = checks(&fake, home.path()).await;
    says(&report, "bot-sessions", "warn", &["another 90 s"]);
    says(
        &report,
        "bot-limits",
        "warn",
        &["1 refused as too many for everything", "wait"],
    );
    let asked = fake
        .requests()
        .iter()
        .filter(|seen| seen.path == "/gateway/bot")
        .count();
    assert_eq!(asked, 1);
}

#[tokio::test]
async fn a_service_that_is_silent_or_broken_is_told_in_time() {
    let (fake, home) = scene(|_| String::new()).await;
    fake.inject(Fault::slow(Duration::from_mins(1)).on("GET", "/users/@me"));
    let report_of = checks(&fake, home.path());
    let report = tokio::time::timeout(Duration::from_secs(40), report_of)
        .await
        .expect("it is bounded");
    says(
        &report,
        "bot-token",
        "fail",
        &["could not be tried", "no answer within 8 s"],
    );
    fake.inject(Fault::status(503).on("GET", "/users/@me"));
    let report = checks(&fake, home.path()).await;
    says(&report, "bot-token", "warn", &["503", "try again"]);
}

#[tokio::test]
async fn a_host_that_runs_is_told_with_the_commands_that_it_registered() {
    let (fake, home) = scene(|fake| format!("gateway_url = \"{}\"", fake.gateway_url())).await;
    let config = fs::read_to_string(home.path().join("config.toml")).expect("it is there");
    let host = Host::configured(home.path(), &config, &[("DISCORD_TOKEN", fake.token())]);
    fake.until("its commands", |world| {
        (!world.commands().is_empty()).then_some(())
    })
    .await;
    fake.until("its session", |world| {
        (world.gateway().identified > 0).then_some(())
    })
    .await;
    let told = checks(&fake, home.path()).await;
    says(&told, "bot-commands", "ok", &["registered: /agent /auth /help"]);
    let (_, message, _) = check(&told, "bot-commands");
    assert!(!message.contains("not of this version"), "{message}");
    says(
        &told,
        "bot-sessions",
        "ok",
        &[&format!("the host that runs as process {}", host.pid())],
    );
    assert_eq!(host.stop(), Some(0));

    // Somebody else registers others with the same token.
    let client = support::client();
    let application = fake.look(|world| world.application().id);
    let commands = format!("{}/api/v10/applications/{application}/commands", fake.api_base());
    let other = serde_json::json!([{ "name": "other", "description": "of somebody else", "type": 1 }]);
    let put = client
        .put(commands)
        .header("authorization", format!("Bot {}", fake.token()));
    let answer = put.json(&other).send().await.expect("the fake answers");
    assert!(answer.status().is_success());
    let told = checks(&fake, home.path()).await;
    let words = [
        "(not of this version: /other)",
        "missing: /agent /auth",
        "something else registers commands",
    ];
    says(&told, "bot-commands", "warn", &words);
    says(&told, "bot-sessions", "ok", &["no host runs here now"]);
    let state = tempfile::tempdir().expect("a folder can be made");
    configure(&fake, state.path(), "");
    let told = checks(&fake, state.path()).await;
    says(
        &told,
        "bot-sessions",
        "warn",
        &["no host ever ran on this state folder", "Reset Token"],
    );
}

#[tokio::test]
async fn a_host_takes_the_token_from_a_program_and_says_when_there_is_none() {
    let more = |fake: &Fake| {
        let script = format!("echo {}", fake.token());
        format!(
            "gateway_url = \"{}\"\ntoken_command = [\"/bin/sh\", \"-c\", \"{script}\"]",
            fake.gateway_url()
        )
    };
    let (fake, home) = scene(more).await;
    let config = fs::read_to_string(home.path().join("config.toml")).expect("it is there");
    let host = Host::configured(home.path(), &config, &[]);
    fake.until("its session", |world| {
        (world.gateway().identified > 0).then_some(())
    })
    .await;
    assert_eq!(host.stop(), Some(0));

    configure(
        &fake,
        home.path(),
        "token_command = [\"/bin/sh\", \"-c\", \"echo planted; exit 7\"]",
    );
    let mut up = agent_host(home.path());
    up.args(["up", "--listen", "127.0.0.1:0"]);
    let output = tokio::task::spawn_blocking(move || up.output().expect("it starts"));
    let output = output.await.expect("it ends");
    let told = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1));
    assert!(
        told.contains("no token for Discord: `/bin/sh` ended with exit status: 7"),
        "{told}"
    );
    assert!(!told.contains("planted"), "{told}");
}

/// Accepts connections, counts them, and answers each with this.
pub(crate) fn listener(answer: String) -> (u16, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = listener.local_addr().expect("bound").port();
    let count = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&count);
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            counted.fetch_add(1, Ordering::SeqCst);
            let Ok(mut stream) = stream else { continue };
            let mut head = [0; 4096];
            let _ = stream.read(&mut head);
            let _ = stream.write_all(answer.as_bytes());
        }
    });
    (port, count)
}

/// The variables that name a proxy.
pub(crate) const PROXIES: [&str; 6] = [
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "ALL_PROXY",
    "http_proxy",
    "https_proxy",
    "all_proxy",
];

#[tokio::test]
async fn with_a_local_api_nothing_goes_anywhere_else() {
    let (fake, home) = scene(|_| String::new()).await;
    let (proxy, proxied) = listener("HTTP/1.1 502 Bad Gateway\r\ncontent-length: 0\r\n\r\n".to_owned());
    let proxy = format!("http://127.0.0.1:{proxy}");
    let mut variables: Vec<(&str, &str)> = PROXIES.iter().map(|name| (*name, proxy.as_str())).collect();
    variables.push(("DISCORD_TOKEN", fake.token()));
    let told = report(home.path(), &variables).await;
    says(&told, "bot-channels", "ok", &["#general"]);
    assert_eq!(proxied.load(Ordering::SeqCst), 0);

    let (elsewhere, reached) = listener("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}".to_owned());
    let answer =
        format!("HTTP/1.1 307 Moved\r\nlocation: http://127.0.0.1:{elsewhere}/\r\ncontent-length: 0\r\n\r\n");
    let (mover, asked) = listener(answer);
    let config = format!("[discord]\napi_base = \"http://127.0.0.1:{mover}\"\n");
    fs::write(home.path().join("config.toml"), config).expect("a configuration can be written");
    let told = checks(&fake, home.path()).await;
    says(&told, "bot-token", "warn", &["307"]);
    assert_eq!(asked.load(Ordering::SeqCst), 1);
    assert_eq!(reached.load(Ordering::SeqCst), 0);
}
