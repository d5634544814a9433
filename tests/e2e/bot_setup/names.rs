//! Channels, people and roles by their names: looked up, chosen from, and never guessed.

use std::time::Duration;

use support::Pty;
use support::discord::Fault;

use super::{config, run, scene, setup};

/// A moment in which nobody asks anything.
const LULL: Duration = Duration::from_secs(30);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn people_and_roles_are_found_by_name_and_offered_where_several_may_be_meant() {
    let (fake, home, _) = scene().await;
    let home = home.path();
    let town = fake.guild("town");
    town.channel("general");
    let (ann, anna) = (town.member("ann"), town.member("anna b & c"));
    let mallory = town.member("mallory");
    town.set_nick(&anna, "Bee");
    town.other_bot("annbot");
    let moderators = town.role("Moderators", 0);
    // She is in another server, where the bot does not speak.
    fake.guild("village").member("vera");
    let mut setting = setup(home, &["--token-env", "BOT", "--channel", "general"]);
    let mut person = Pty::start(setting.env("BOT", fake.token()));
    person.expect("✔ #general: all permissions are there");
    person.expect("people: ");
    // She alone is called so, although another's name begins with it.
    person.types("@Ann, role:mod");
    person.expect(&format!("✔ @ann in town ({})", ann.id));
    person.expect(&format!("1) role:Moderators in town ({moderators})"));
    person.expect("which is role:mod?");
    person.types("2");
    person.expect("please: numbers from the list");
    person.expect("which is role:mod?");
    person.types("");
    person.expect("none of them is role:mod");
    person.expect("people: ");
    person.types("vera");
    person.expect("nothing found that is called @vera");
    person.expect("people: ");
    person.types("everyone,");
    person.expect("nothing found that is called @everyone");
    person.expect("people: ");
    person.types("role:");
    person.expect("`role:` is neither");
    person.expect("people: ");
    // Whoever only calls themselves so is offered, never taken.
    town.set_nick(&mallory, "ann");
    person.types("ann");
    person.expect(&format!("1) @ann in town ({})", ann.id));
    person.expect(&format!("2) @anna b & c “Bee” in town ({})", anna.id));
    person.expect(&format!("3) @mallory “ann” in town ({})", mallory.id));
    person.expect("which is @ann?");
    person.types("1,2");
    person.expect("write this into");
    person.types("n");
    assert_eq!(person.ends().0, Some(0));
    assert!(!config(home).contains("users"));

    fake.clock().advance(LULL);
    let mut person = Pty::start(&setting);
    person.expect("people: ");
    // With all that an address must not have as it is.
    person.types("anna b & c, Bee, role:@Moderators, <@7>");
    person.expect(&format!("✔ @anna b & c “Bee” in town ({})", anna.id));
    person.expect(&format!("1) @anna b & c “Bee” in town ({})", anna.id));
    person.expect("which is @Bee?");
    person.types("1");
    person.expect("✔ role:Moderators");
    person.expect(&format!("users = [7, {}]", anna.id));
    person.expect(&format!("roles = [{moderators}]"));
    person.expect("write this into");
    person.types("y");
    person.expect("✔ written");
    person.expect("say hello in #general? [y/N]");
    person.types("n");
    assert_eq!(person.ends().0, Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_anybody_to_ask_a_name_means_one_or_nothing_is_written() {
    let (fake, home, before) = scene().await;
    let home = home.path();
    let town = fake.guild("town");
    let general = town.channel("general");
    let (ann, anne) = (town.member("ann"), town.member("anne"));
    let role = town.role("crew", 0);
    let with_token = |arguments: &[&str]| {
        let mut command = setup(home, &["--yes", "--token-env", "BOT"]);
        command.args(arguments).env("BOT", fake.token());
        fake.clock().advance(LULL);
        run(command)
    };
    for (words, told) in [
        (
            ["--user", "an"],
            format!(
                "@an may mean @ann in town ({}), or @anne in town ({})",
                ann.id, anne.id
            ),
        ),
        (["--user", "zoe"], "nothing found that is called @zoe".to_owned()),
        (
            ["--role", "boss"],
            "nothing found that is called role:boss".to_owned(),
        ),
        (
            ["--channel", "#gene"],
            format!("#gene may mean #general in town ({general})"),
        ),
    ] {
        let (output, said) = with_token(&words);
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(
            said.contains(&told) && said.contains("nothing was written"),
            "{said}"
        );
        assert_eq!(config(home), before);
    }
    // Discord says nothing of members to who may not ask.
    fake.inject(Fault::status(403).on("GET", "/guilds/*/members/search"));
    let (output, said) = with_token(&["--user", "ann"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(
        said.contains("names can't be looked for in town") && said.contains("say the id"),
        "{said}"
    );
    assert_eq!(config(home), before);
    // Members are looked for without a privileged intent, too; that one is missing is told.
    fake.set_privileged(0);
    let (_, said) = with_token(&["--channel", "#General", "--user", "ANN", "--role", "Crew"]);
    let written = format!(
        "allowed_channels = [{general}]\nusers = [{}]\nroles = [{role}]\n",
        ann.id
    );
    assert!(config(home).ends_with(&written), "{said}");
}
