//! `setup discord`: a new user at a terminal, who does things right and wrong, while the fake Discord is clicked in.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;
use std::process::{Command, Output};

use support::discord::{Fake, Fault, Kind, intents, permissions};
use support::{Pty, agent_host};
use tempfile::TempDir;

mod at_once;
mod names;

/// A sound one that nobody ever gave out.
const FORGED: &str = "MTAwMDAwMDAwMDAwMDAwMDAw.forged.planted-token-that-nobody-ever-gave-out";

/// Where `[discord]` says where Discord is, and nothing else.
async fn scene() -> (Fake, TempDir, String) {
    let fake = Fake::start().await;
    let home = tempfile::tempdir().expect("a folder can be made");
    let before = format!("# mine\n[discord]\napi_base = \"{}\" # here\n", fake.api_base());
    fs::write(home.path().join("config.toml"), &before).expect("a configuration can be written");
    (fake, home, before)
}

fn setup(home: &Path, arguments: &[&str]) -> Command {
    let mut command = agent_host(home);
    command.args(["setup", "discord"]).args(arguments);
    command
}

fn config(home: &Path) -> String {
    fs::read_to_string(home.join("config.toml")).expect("it is there")
}

/// Runs it without a terminal. No token is in what it says.
fn run(mut command: Command) -> (Output, String) {
    let output = command.output().expect("it starts");
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_no_token(&told);
    (output, told)
}

#[track_caller]
fn assert_no_token(text: &str) {
    for secret in ["only-known-to-the-fake", "planted"] {
        assert!(!text.contains(secret), "{text}");
    }
}

/// Every file in the folder, but those of the credential store.
fn files(home: &Path) -> Vec<String> {
    let entries = fs::read_dir(home).expect("a folder").flatten();
    let mut names: Vec<String> = entries
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}

/// Every way to name a token that does not work, then one that does.
fn names_the_token(person: &mut Pty, fake: &Fake) {
    person.expect("discord.com/developers/applications");
    person.expect("Message Content Intent");
    person.expect("1 to 4 [4]");
    person.types("5");
    person.expect("please: a number from 1 to 4");
    person.expect("1 to 4 [4]");
    person.types("1");
    person.expect("name of the variable [DISCORD_TOKEN]");
    person.types("");
    person.expect("DISCORD_TOKEN is not set in the environment");
    person.expect("1 to 4 [4]");
    person.types("2");
    person.expect("which file?");
    person.types(FORGED);
    person.expect("please: the place, not the token");
    person.expect("1 to 4 [4]");
    person.types("2");
    person.expect("which file?");
    person.types("/nowhere/token");
    person.expect("could not read `/nowhere/token`");
    person.expect("1 to 4 [4]");
    person.types("");
    person.expect("(not shown)");
    person.types("planted");
    person.expect("please: a token: three parts");
    person.expect("(not shown)");
    person.types("");
    person.expect("1 to 4 [4]");
    person.types(FORGED);
    person.expect("please: the place, not the token");
    person.expect("1 to 4 [4]");
    person.types("3");
    person.expect("which command?");
    person.types("sh -c 'exit 7");
    person.expect("please: a command, whose quotation marks are closed");
    person.expect("1 to 4 [4]");
    person.types("3");
    person.expect("which command?");
    person.types("sh -c 'exit 7'");
    person.expect("`sh` ended with exit status: 7");
    person.expect("1 to 4 [4]");
    person.types("4");
    person.expect("(not shown)");
    person.types(FORGED);
    person.expect("does not know this token");
    person.expect("(not shown)");
    person.types(fake.token());
    person.expect("✔ this is the bot");
}

/// Whoever comes again says less.
fn comes_again(home: &Path, fake: &Fake) {
    fake.clock().advance(std::time::Duration::from_secs(30));
    let mut person = Pty::start(&setup(home, &[]));
    person.expect("1 to 4 [Enter: `");
    person.types("");
    person.expect("✔ this is the bot");
    person.expect("Enter keeps those of the configuration");
    person.expect("channels: ");
    person.types("");
    person.expect("Enter keeps what the configuration says");
    person.expect("people: ");
    person.types("");
    person.expect("write this into");
    person.types("n");
    person.expect("nothing was written");
    assert_eq!(person.ends().0, Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_user_is_led_from_nothing_to_a_bot_that_may_speak() {
    let (fake, home, _) = scene().await;
    let home = home.path();
    fake.set_privileged(0);
    let mut person = Pty::start(&setup(home, &[]));
    names_the_token(&mut person, &fake);

    // Each check ticks by itself.
    person.expect("Message Content Intent is not on yet");
    let application = fake.look(|world| world.application().id);
    person.expect(&format!("discord.com/developers/applications/{application}/bot"));
    fake.set_privileged(intents::MESSAGE_CONTENT);
    person.expect("✔ Message Content Intent is on");
    person.expect("scope=bot+applications.commands&permissions=309237746752");
    person.expect("the bot is in no server yet");
    let town = fake.guild("town");
    let general = town.channel("general");
    let quiet = town.channel("quiet");
    town.overwrite(quiet, fake.bot(), 0, permissions::ATTACH_FILES);
    fake.inject(Fault::held().on("GET", "/guilds/*/channels"));
    person.types("");
    person.expect("✔ the bot is in town");
    // It ticked by itself just before Enter: that is no answer to the next question.
    person.types("");
    while fake.faults_left() > 0 {
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    fake.let_go().await;

    person.expect("1) #general");
    person.expect("2) #quiet  (lacks Attach Files)");
    person.expect("channels: ");
    person.types("3");
    person.expect("`3` is none of these");
    person.expect("channels: ");
    person.types(&format!("2,{general}"));
    person.expect("#quiet lacks Attach Files");
    person.expect("Edit Channel → Permissions");
    town.overwrite(quiet, fake.bot(), 0, 0);
    person.expect("✔ #quiet: all permissions are there");

    person.expect("people: ");
    person.types("nobody-here");
    person.expect("nothing found that is called @nobody-here");
    person.expect("people: ");
    person.types("everyone");
    person.expect("[y/N]");
    person.types("");
    person.expect("people: ");
    person.types("7, role:8");
    person.expect("token_file = ");
    person.expect("write this into");
    person.types("maybe");
    person.expect("please: y or n");
    person.expect("write this into");
    assert!(
        !home.join("discord-token").exists(),
        "nothing is written before the end"
    );
    person.types("y");
    person.expect("✔ written");
    person.expect("say hello in #general? [y/N]");
    person.types("y");
    person.expect("✔ said hello in #general");
    person.expect("agent-host up`, then type in #general: @");
    let (code, shown) = person.ends();
    assert_eq!(code, Some(0), "{shown}");
    // But for those that were typed where they can be seen.
    assert_no_token(&shown.replacen(FORGED, "", 2));

    let token = home.join("discord-token");
    let mode = fs::metadata(&token).expect("it is there").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    assert_eq!(fs::read_to_string(&token).expect("text").trim(), fake.token());
    assert_eq!(
        config(home),
        format!(
            "# mine\n[discord]\napi_base = \"{}\" # here\ntoken_file = \"{}\"\nallowed_channels = [{general}, {quiet}]\nusers = [7]\n\
             roles = [8]\n",
            fake.api_base(),
            token.display()
        )
    );
    assert!(fake.said(general)[0].starts_with("Hello!"));
    let mut check = agent_host(home);
    check.args(["config", "check"]);
    assert!(check.status().expect("it starts").success());

    comes_again(home, &fake);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_channel_is_found_by_a_part_of_a_name_where_the_bot_is_in_many_servers() {
    let (fake, home, _) = scene().await;
    let home = home.path();
    for number in 0..70 {
        fake.guild(&format!("town {number}")).channel("square");
    }
    let village = fake.guild("village");
    village.channel("square");
    let well = village.channel("well");
    fs::write(home.join("token"), fake.token()).expect("it can be written");
    let mut person = Pty::start(&setup(home, &[]));
    person.expect("1 to 4 [4]");
    person.types("2");
    person.expect("which file?");
    person.types(&home.join("token").display().to_string());
    person.expect("✔ this is the bot");
    person.expect("and 63 more");
    person.expect("looking at 71 servers");
    person.expect("1) #square  in town 0");
    person.expect("and 12 more");
    person.expect("channels: ");
    person.types("nowhere");
    person.expect("`nowhere` is none of these");
    person.expect("channels: ");
    person.types("VILL");
    person.expect("1) #square  in village");
    person.expect("2) #well  in village");
    person.expect("channels: ");
    person.types("2");
    person.expect("✔ #well: all permissions are there");
    person.expect("people: ");
    person.types("");
    person.expect(&format!("channels = [{well}]"));
    person.expect("write this into");
    person.types("n");
    person.expect("nothing was written");
    assert_eq!(person.ends().0, Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn channels_of_one_name_are_told_apart_and_a_forum_is_one_and_a_category_is_none() {
    let (fake, home, _) = scene().await;
    let home = home.path();
    let town = fake.guild("town");
    let (work, play) = (
        town.place("Work", Kind::Category),
        town.place("Play", Kind::Category),
    );
    let (one, other) = (town.channel("general"), town.place("general", Kind::News));
    let owner = town.member("owner");
    town.set_role(town.id, permissions::EVERYDAY | permissions::MANAGE_CHANNELS);
    owner.moves(one, work);
    owner.moves(other, play);
    town.forum("questions");
    let mut setting = setup(home, &["--token-env", "BOT"]);
    let mut person = Pty::start(setting.env("BOT", fake.token()));
    person.expect("✔ this is the bot");
    person.expect("#general  below ");
    person.expect("#general  below ");
    person.expect("3) #questions");
    // A category has no number.
    person.expect("channels: ");
    person.types(&play.to_string());
    person.expect("is none of these");
    person.expect("channels: ");
    person.types(&other.to_string());
    person.expect("✔ #general: all permissions are there");
    person.expect("people: ");
    person.types("");
    person.expect(&format!("allowed_channels = [{other}]"));
    person.expect("write this into");
    person.types("n");
    let (code, shown) = person.ends();
    assert_eq!(code, Some(0));
    for (channel, category) in [(one, "Work"), (other, "Play")] {
        assert!(
            shown.contains(&format!("#general  below {category} ({channel})")),
            "{shown}"
        );
    }

    let mut all_at_once = setup(
        home,
        &["--yes", "--token-env", "BOT", "--channel", &play.to_string()],
    );
    all_at_once.env("BOT", fake.token());
    fake.clock().advance(std::time::Duration::from_secs(30));
    let (output, told) = run(all_at_once);
    assert_eq!(output.status.code(), Some(1));
    assert!(
        told.contains(&format!("has a text channel or forum {play}")),
        "{told}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hello_is_said_in_a_channel_and_in_no_forum() {
    let (fake, home, _) = scene().await;
    let town = fake.guild("town");
    town.forum("a-forum");
    let mut setting = setup(home.path(), &["--token-env", "BOT"]);
    let mut person = Pty::start(setting.env("BOT", fake.token()));
    person.expect("1) #a-forum");
    person.expect("channels: ");
    person.types("");
    person.expect("people: ");
    person.types("");
    person.expect("write this into");
    person.types("y");
    // There is nowhere to say it: all that is said in a forum stands in posts.
    person.expect("type in a new post of #a-forum: @");
    assert_eq!(person.ends().0, Some(0));

    town.channel("general");
    fake.clock().advance(std::time::Duration::from_secs(30));
    let mut person = Pty::start(&setting);
    person.expect("channels: ");
    person.types("");
    person.expect("people: ");
    person.types("");
    person.expect("write this into");
    person.types("y");
    person.expect("say hello in #general? [y/N]");
    person.types("y");
    person.expect("✔ said hello in #general");
    person.expect("type in #general: @");
    assert_eq!(person.ends().0, Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_service_that_is_away_or_slow_is_told_and_asked_again_when_the_person_wants() {
    let (fake, home, _) = scene().await;
    let home = home.path();
    fake.guild("town").channel("general");
    fake.inject(Fault::status(503).on("GET", "/users/@me"));
    let mut command = setup(home, &["--yes"]);
    command.env("DISCORD_TOKEN", fake.token());
    let (output, told) = run(command);
    assert_eq!(output.status.code(), Some(4), "it may be tried again: {told}");
    assert!(
        told.contains("503") && told.contains("try again in a moment"),
        "{told}"
    );

    let mut setting = setup(home, &[]);
    let mut person = Pty::start(setting.env("DISCORD_TOKEN", fake.token()));
    person.expect("1 to 4 [Enter: DISCORD_TOKEN]");
    fake.inject(Fault::slow(std::time::Duration::from_mins(1)).on("GET", "/users/@me"));
    person.types("");
    person.expect("could not be tried: could not reach");
    person.expect("no answer within 8 s");
    person.expect("1 to 4 [Enter: DISCORD_TOKEN]");
    person.types("");
    person.expect("✔ this is the bot");
    person.presses("\u{3}");
    person.expect("interrupted; nothing was written");
    assert_eq!(person.ends().0, Some(1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ctrl_c_leaves_everything_as_it_was_and_the_terminal_too() {
    let (fake, home, before) = scene().await;
    let home = home.path();
    fake.guild("town").channel("general");
    let files_before = files(home);
    for steps in 0..4 {
        let mut person = Pty::start(&setup(home, &[]));
        person.expect("1 to 4 [4]");
        if steps > 0 {
            person.types("4");
            person.expect("(not shown)");
        }
        if steps > 1 {
            person.types(fake.token());
            person.expect("channels: ");
        }
        if steps > 2 {
            person.types("1");
            person.expect("people: ");
            person.types("");
            person.expect("write this into");
        }
        person.presses("\u{3}");
        person.expect("interrupted; nothing was written");
        let (code, shown) = person.ends();
        assert_eq!(code, Some(1), "{shown}");
        assert_no_token(&shown);
        assert_eq!(config(home), before);
        assert_eq!(files(home), files_before);
        // So many runs in a row would be too many questions.
        fake.clock().advance(std::time::Duration::from_secs(30));
    }
}
