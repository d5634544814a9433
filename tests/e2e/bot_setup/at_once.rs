//! All at once, as in a script.

use super::*;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_that_was_copied_with_something_around_it_is_told_before_discord_is_asked() {
    let (fake, home, before) = scene().await;
    let home = home.path();
    fake.guild("town").channel("general");
    let token = fake.token();
    for wrong in [
        format!("\"{token}\""),
        format!("'{token}'"),
        format!("Bot {token}"),
    ] {
        let mut command = setup(home, &["--yes"]);
        command.env("DISCORD_TOKEN", wrong);
        let (output, told) = run(command);
        assert_eq!(output.status.code(), Some(1));
        let words = "what DISCORD_TOKEN holds is not a token; from discord.com/developers/applications";
        assert!(
            told.contains(words) && told.contains("without quotation marks"),
            "{told}"
        );
    }
    assert_eq!(fake.requests().len(), 0);
    assert_eq!(config(home), before);
    // A line feed at its end belongs to files, and does no harm.
    let mut command = setup(home, &["--yes"]);
    command.env("DISCORD_TOKEN", format!(" {token}\n"));
    let (output, told) = run(command);
    assert_eq!(output.status.code(), Some(0), "{told}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_configuration_that_can_not_be_written_is_told_before_anything_is_asked() {
    let (fake, home, before) = scene().await;
    let home = home.path();
    fake.guild("town").channel("general");
    let with = |begin: &str| {
        let setting = setup(home, &["--yes"]);
        let mut command = Command::new("unshare");
        command.args(["--user", "--map-current-user", "--mount", "sh", "-c"]);
        command.arg(format!("{begin} exec \"$@\"")).args(["sh"]);
        command.arg(setting.get_program()).args(setting.get_args());
        command
            .env_clear()
            .envs(setting.get_envs().filter_map(|(name, is)| Some((name, is?))));
        command
            .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
            .env("DISCORD_TOKEN", fake.token());
        command
    };
    let (_, told) = run(with("true;"));
    if told.starts_with("unshare: ") {
        crate::deploy::left_out(&format!(
            "this machine lets nobody make a place of their own: {told}"
        ));
        return;
    }
    assert!(told.contains("the bot is in town"), "{told}");
    fs::write(home.join("config.toml"), &before).expect("it can be written");
    fake.clock().advance(std::time::Duration::from_secs(30));
    let asked = fake.requests().len();
    let read_only = format!(
        "mount --bind {0} {0} && mount -o remount,bind,ro {0} &&",
        home.display()
    );
    let (output, told) = run(with(&read_only));
    assert_eq!(output.status.code(), Some(1), "{told}");
    assert!(
        told.contains("config.toml` could not be written") && told.contains("--config"),
        "{told}"
    );
    assert_eq!(fake.requests().len(), asked, "nothing was asked");
    assert_eq!(config(home), before);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_terminal_it_says_how_to_say_everything_at_once() {
    let (fake, home, before) = scene().await;
    let home = home.path();
    let (output, told) = run(setup(home, &[]));
    assert_eq!(output.status.code(), Some(2));
    assert!(
        told.contains("is not a terminal") && told.contains("--yes --token-env"),
        "{told}"
    );
    // Nothing to try it with.
    let (output, told) = run(setup(home, &["--yes"]));
    assert_eq!(output.status.code(), Some(1));
    assert!(
        told.contains("DISCORD_TOKEN is not set") && told.contains("Reset Token"),
        "{told}"
    );
    let mut command = setup(home, &["--yes"]);
    command.env("DISCORD_TOKEN", FORGED);
    let (output, told) = run(command);
    assert_eq!(output.status.code(), Some(1));
    assert!(told.contains("does not know this token"), "{told}");
    let (output, _) = run(setup(home, &["--yes", "--channel", "#"]));
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(config(home), before);
    assert_eq!(fake.requests().len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_at_once_it_writes_what_was_said_and_tells_what_is_left() {
    let (fake, home, _) = scene().await;
    let home = home.path();
    let town = fake.guild("town");
    let general = town.channel("general").to_string();
    let real = home.join("real.toml");
    let path = home.join("config.toml");
    fs::rename(&path, &real).expect("a file can be moved");
    fs::set_permissions(&real, fs::Permissions::from_mode(0o640)).expect("a mode can be set");
    symlink(&real, &path).expect("a link can be made");
    fake.set_privileged(0);
    let with_token = |arguments: &[&str]| {
        let mut command = setup(home, arguments);
        command.env("BOT", fake.token());
        command
    };
    let said = [
        "--yes",
        "--token-env",
        "BOT",
        "--channel",
        &general,
        "--user",
        "7",
    ];
    let (output, told) = run(with_token(&said));
    assert_eq!(output.status.code(), Some(1), "the intent is missing");
    assert!(
        told.contains("left to do:") && told.contains("Message Content Intent"),
        "{told}"
    );
    let written = config(home);
    assert!(
        written.ends_with(&format!(
            "token_env = \"BOT\"\nallowed_channels = [{general}]\nusers = [7]\n"
        )),
        "{written}"
    );
    assert!(fs::symlink_metadata(&path).expect("it is there").is_symlink());
    let mode = fs::metadata(&real).expect("it is there").permissions().mode();
    assert_eq!(mode & 0o777, 0o640);

    // A second time, with nothing said: all is kept.
    fake.clock().advance(std::time::Duration::from_secs(30));
    fake.set_privileged(intents::MESSAGE_CONTENT);
    let (output, told) = run(with_token(&["--yes"]));
    assert_eq!(output.status.code(), Some(0), "{told}");
    assert!(
        told.contains("next: `AGENT_HOST_HOME=") && told.contains("agent-host up`"),
        "{told}"
    );
    assert_eq!(config(home), written);

    // Where else it speaks is no secret.
    let whole = "besides, the bot speaks wherever it is mentioned in the servers of `guilds`";
    assert!(!told.contains(whole), "{told}");
    fs::write(&path, format!("{written}guilds = [{}]\n", town.id)).expect("it can be written");
    fake.clock().advance(std::time::Duration::from_secs(30));
    let (_, told) = run(with_token(&["--yes"]));
    assert!(told.contains(whole), "{told}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_configuration_that_is_wrong_is_left_as_it_is() {
    let (fake, home, before) = scene().await;
    let home = home.path();
    for wrong in [
        "[web\n",
        "[discord.channels.general]\n",
        "[discord]\ntoken = \"planted\"\n",
    ] {
        fs::write(home.join("config.toml"), wrong).expect("a configuration can be written");
        let mut command = setup(home, &["--yes"]);
        command.env("DISCORD_TOKEN", fake.token());
        let (output, told) = run(command);
        assert_eq!(output.status.code(), Some(1));
        assert!(
            told.contains("is left as it is") && told.contains("config.toml:"),
            "{told}"
        );
        assert_eq!(config(home), wrong);
    }
    assert_eq!(fake.requests().len(), 0);
    drop(before);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refusal_for_a_moment_is_waited_for_and_a_long_one_told() {
    let (fake, home, _) = scene().await;
    let home = home.path();
    fake.guild("town").channel("general");
    let setting = || {
        let mut command = setup(home, &["--yes"]);
        command.env("DISCORD_TOKEN", fake.token());
        run(command)
    };
    let moment = Fault::too_many(std::time::Duration::from_secs(1));
    fake.inject(moment.on("GET", "/users/@me"));
    let (output, told) = setting();
    assert_eq!(output.status.code(), Some(0), "{told}");
    assert_eq!(fake.faults_left(), 0, "it was refused");
    let long = Fault::too_many(std::time::Duration::from_secs(90));
    fake.inject(long.on("GET", "/users/@me"));
    let (output, told) = setting();
    assert_eq!(output.status.code(), Some(4), "{told}");
    assert!(told.contains("for another 90 s"), "{told}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_services_place_of_the_token_stays_whatever_token_this_run_is_given() {
    let (fake, home, before) = scene().await;
    let home = home.path();
    let general = fake.guild("town").channel("general");
    // As the unit has it: the variable is set in the service alone, and the file is root's.
    let before =
        format!("{before}token_env = \"OF_THE_SERVICE\" # a credential\n[agents.native]\nmodel = \"m\"\n");
    fs::write(home.join("config.toml"), &before).expect("it can be written");
    fs::write(home.join("token"), fake.token()).expect("it can be written");
    let file = home.join("token").display().to_string();

    let (output, told) = run(setup(home, &["--yes", "--channel", "general"]));
    assert_eq!(output.status.code(), Some(1), "{told}");
    for words in [
        "OF_THE_SERVICE is not set",
        "`OF_THE_SERVICE=$(cat FILE) ",
        "--token-file FILE",
    ] {
        assert!(told.contains(words), "{told}");
    }
    assert_eq!(config(home), before);

    // The token itself in place of a name is not shown, and what is wrong has a name.
    let (_, told) = run(setup(home, &["--yes", "--token-env", FORGED]));
    assert!(
        told.contains("`token_env` is not the name of a variable"),
        "{told}"
    );

    let after = before.replace(
        "# a credential\n",
        &format!("# a credential\nallowed_channels = [{general}]\n"),
    );
    let mut with_variable = setup(home, &["--yes", "--channel", "general"]);
    with_variable.env("OF_THE_SERVICE", fake.token());
    let with_file = setup(home, &["--yes", "--channel", "general", "--token-file", &file]);
    for (command, is_other) in [(with_variable, false), (with_file, true)] {
        fake.clock().advance(std::time::Duration::from_secs(30));
        fs::write(home.join("config.toml"), &before).expect("it can be written");
        let (output, told) = run(command);
        assert_eq!(output.status.code(), Some(0), "{told}");
        assert_eq!(config(home), after);
        assert_eq!(
            told.contains("`token_env` stays in the configuration"),
            is_other,
            "{told}"
        );
        assert_eq!(told.contains("systemctl restart agent-host"), is_other, "{told}");
    }

    // A pasted one is not kept either.
    fake.clock().advance(std::time::Duration::from_secs(30));
    let mut person = Pty::start(&setup(home, &[]));
    person.expect("4) I paste it now; it is for this run only");
    person.types("4");
    person.expect("(not shown)");
    person.types(fake.token());
    person.expect("`token_env` stays in the configuration");
    person.expect("channels: ");
    person.types("");
    person.expect("people: ");
    person.types("");
    person.expect("write this into");
    person.types("y");
    person.expect("say hello in");
    person.types("n");
    assert_eq!(person.ends().0, Some(0));
    assert_eq!(config(home), after);
    assert!(!home.join("discord-token").exists());
}
