//! Agents, and what they are told of models and limits.

use super::*;

#[test]
fn without_a_file_the_built_in_agent_is_there_and_has_no_model() {
    let settings = load_text("", &[]).settings;
    assert_eq!(settings.default_agent, "native");
    let supervisor::AgentKind::Native(profile) = &settings.agents["native"].kind else {
        panic!("it is the built-in one");
    };
    assert_eq!(profile.model, None);
    assert_eq!(profile.base_url.as_str(), "https://api.openai.com/v1");
    assert_eq!(profile.account.as_ref().unwrap().service.as_str(), "openai");
}

#[test]
fn a_key_in_the_environment_and_a_model_are_enough() {
    let loaded = load_text(
        "[agents.native]\nmodel = \"m\"\n",
        &[("OPENAI_API_KEY", "sk-planted")],
    );
    assert_eq!(loaded.problems, []);
    let supervisor::AgentKind::Native(profile) = &loaded.settings.agents["native"].kind else {
        panic!("it is the built-in one");
    };
    let key = profile.account.as_ref().unwrap().host_key.as_ref().unwrap();
    assert_eq!(
        (key.variable.as_str(), key.value.expose_secret()),
        ("OPENAI_API_KEY", "sk-planted")
    );
    assert!(!format!("{:?}", loaded.settings).contains("sk-planted"));
}

#[test]
fn an_agent_that_new_threads_do_not_get_is_told_where_the_one_they_get_has_no_model() {
    let codex = "[agents.codex]\ncommand = [\"codex-acp\"]\n";
    let warnings = |text: &str| {
        let loaded = load_text(text, &[]);
        assert_eq!(loaded.problems, []);
        loaded.warnings.iter().map(Problem::to_string).collect::<Vec<_>>()
    };
    let told = warnings(codex);
    assert_eq!(told.len(), 1, "{told:?}");
    for words in [
        "1: agents.codex: new threads get `native`",
        "default_agent = \"codex\"",
    ] {
        assert!(told[0].contains(words), "{told:?}");
    }
    for decided in [
        format!("default_agent = \"codex\"\n{codex}"),
        format!("default_agent = \"native\"\n{codex}"),
        format!("{codex}[agents.native]\nmodel = \"m\"\n"),
        "[agents.native]\ntitle = \"ours\"\n".to_owned(),
    ] {
        assert_eq!(warnings(&decided), [""; 0], "{decided}");
    }
}

#[test]
fn a_key_of_an_agent_whose_table_is_still_commented_out_is_told_as_that() {
    let told = problems("#[agents.native]\nmodel = \"m\"\n");
    assert_eq!(told.len(), 1, "{told:?}");
    for words in ["2: model: ", "`[agents.native]`", "still commented out"] {
        assert!(told[0].contains(words), "{told:?}");
    }
}

#[test]
fn a_server_of_ones_own_needs_no_account_and_speaks_chat_completions() {
    let loaded = load_text(
        "default_agent = \"local\"\n[agents.local]\nbase_url = \"http://10.0.0.5:11434/v1\"\nmodel = \"m\"\n",
        &[],
    );
    assert_eq!(loaded.problems, []);
    assert_eq!(loaded.settings.default_agent, "local");
    let supervisor::AgentKind::Native(profile) = &loaded.settings.agents["local"].kind else {
        panic!("it is a built-in one");
    };
    assert!(profile.account.is_none());
    assert_eq!(profile.provider, contract::Provider::OpenaiChat);
}

#[test]
fn faults_of_agents_page_and_limits_come_all_at_once_with_their_lines() {
    let told = problems(
        "default_agent = \"nobody\"\n\
         [agents.a]\n\
         tenant = \"nowhere\"\n\
         [agents.b]\n\
         tenant = \"openai\"\n\
         base_url = \"http://example.com/v1\"\n\
         [agents.c]\n\
         command = [\"c-acp\"]\n\
         model = 3\n\
         tenant = \"openai\"\n\
         env = { A = { from_env = \"NOT_SET\" }, B = 1 }\n\
         [agents.d]\n\
         tenant = \"codex\"\n\
         [web]\n\
         listen = \"0.0.0.0:7878\"\n\
         [limits]\n\
         idle = \"soon\"\n\
         workers = 0\n\
         processes = 8193\n\
         [cage]\n\
         without = [\"walls\"]\n\
         [threads]\n\
         dispatch = \"shout\"\n",
    );
    let starts = [
        "1: default_agent: there is no agent `nobody`",
        "3: agents.a.tenant: nowhere is not a known vendor",
        "6: agents.b.base_url: must be https: a credential is sent there",
        "9: agents.c.model: must be text in quotation marks",
        "10: agents.c.tenant: has no meaning beside `command`",
        "11: agents.c.env: must be a string or { from_env",
        "12: agents.d: `base_url` is missing",
        "15: web.listen: 0.0.0.0:7878 can be reached from other machines",
        "17: limits.idle: must be a time such as",
        "18: limits.workers: must be a whole number of at least 1",
        "19: limits.processes: must be a number from 16 to 8192",
        "21: cage.without: each must be \"environment\", ",
        "23: threads.dispatch: must be \"queue\", \"steer\" or",
    ];
    assert_eq!(told.len(), starts.len(), "{told:#?}");
    for (told, start) in told.iter().zip(starts) {
        assert!(told.starts_with(start), "{told} instead of {start}");
    }
}

#[test]
fn what_a_model_can_take_how_often_it_is_called_and_what_a_command_may_start_reach_the_agents() {
    let settings = load_text(
        "[agents.native]\ncontext_tokens = 8192\n[limits]\nmodel_calls = 7\nprocesses = 16\n",
        &[],
    )
    .settings;
    let supervisor::AgentKind::Native(profile) = &settings.agents["native"].kind else {
        panic!("it is the built-in one");
    };
    assert_eq!(profile.context_tokens.unwrap().get(), 8192);
    assert_eq!((profile.model_calls.get(), profile.processes.get()), (7, 16));
    for wrong in [
        "model_calls = 0",
        "processes = 15",
        "processes = -1",
        "processes = \"40\"",
    ] {
        assert_eq!(problems(&format!("[limits]\n{wrong}\n")).len(), 1, "{wrong}");
    }
}

#[test]
fn what_an_agent_of_somebody_else_gets_may_be_a_credential_of_the_service() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("SOME_KEY"), "from-a-file\n").unwrap();
    std::fs::write(folder.path().join("EMPTY"), " \n").unwrap();
    let given = ("CREDENTIALS_DIRECTORY", folder.path().to_str().unwrap());
    let text =
        |from| format!("[agents.a]\ncommand = [\"a-acp\"]\nenv = {{ KEY = {{ from_env = \"{from}\" }} }}\n");
    let settings = load_text(&text("SOME_KEY"), &[given]).settings;
    let supervisor::AgentKind::External { environment, .. } = &settings.agents["a"].kind else {
        panic!("it is somebody else's");
    };
    assert_eq!(environment["KEY"], "from-a-file");
    let missing = problems_of(&text("EMPTY"), &[given]);
    assert_eq!(
        missing,
        [
            "3: agents.a.env: EMPTY is not set in the environment, and no credential of the service, or an empty one (set it where \
             agent-host runs)"
        ]
    );
}

#[test]
fn how_long_a_server_may_be_silent_and_whom_it_may_be_signed_by_reach_the_agents() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ca.pem");
    std::fs::write(&file, AUTHORITY).unwrap();
    let text = |file: &std::path::Path| format!("[agents.native]\npatience = \"20m\"\nca_file = {file:?}\n");
    let settings = load_text(&text(&file), &[]).settings;
    let supervisor::AgentKind::Native(profile) = &settings.agents["native"].kind else {
        panic!("it is the built-in one");
    };
    assert_eq!(profile.patience.as_secs(), 1200);
    assert_eq!(profile.ca_file.as_deref(), Some(&*file));
    let told = problems(&text(&folder.path().join("gone.pem")));
    let words = "3: agents.native.ca_file: could not read the certificates in";
    assert!(told.len() == 1 && told[0].starts_with(words), "{told:#?}");
    // What a start would not take is told here, too.
    let half = AUTHORITY.lines().next().unwrap();
    let broken = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    for (holds, wrong) in [
        ("a key".to_owned(), Some("there is none that can be used")),
        (format!("{half}\n"), Some("one that begins there does not end")),
        (
            format!("{AUTHORITY}{half}\n"),
            Some("one that begins there does not end"),
        ),
        ("-----BEGIN CERT\n".to_owned(), Some("is not whole")),
        (broken.to_owned(), Some("there is none that can be used")),
        (format!("{AUTHORITY}{broken}"), None),
    ] {
        std::fs::write(&file, &holds).unwrap();
        assert_eq!(credentials::tls(Some(&file)).is_ok(), wrong.is_none(), "{holds}");
        let told = problems(&text(&file)).join("\n");
        assert!(
            wrong.map_or(told.is_empty(), |wrong| told.contains(wrong)),
            "{holds}: {told}"
        );
    }
}

#[test]
fn an_agent_of_new_threads_whose_table_is_wrong_is_told_once() {
    let told = problems("default_agent = \"x\"\n[agents.x]\ncommand = []\n");
    assert_eq!(told.len(), 1, "{told:#?}");
    assert!(
        told[0].starts_with("3: agents.x.command: names no program"),
        "{told:#?}"
    );
}

#[test]
fn a_secret_that_is_written_out_for_an_agent_is_warned_of_and_never_shown() {
    let warned = |env: &str| {
        let text = format!("default_agent = \"a\"\n[agents.a]\ncommand = [\"a-acp\"]\nenv = {{ {env} }}\n");
        let loaded = load_text(&text, &[("SOME_KEY", "planted")]);
        assert_eq!(loaded.problems, []);
        loaded.warnings.iter().map(in_short).collect::<Vec<_>>()
    };
    for name in [
        "OPENAI_API_KEY",
        "GITHUB_TOKEN",
        "app_secret",
        "DB_PASSWORD_2",
        "TOKEN",
    ] {
        let told = warned(&format!("{name} = \"sk-planted\", RUST_LOG = \"warn\""));
        assert_eq!(told.len(), 1, "{name}: {told:?}");
        let words = format!("4: agents.a.env: {name} stands here in plain text");
        assert!(
            told[0].starts_with(&words) && !told[0].contains("planted"),
            "{told:?}"
        );
        assert!(
            told[0].contains(&format!("`{name} = {{ from_env = \"{name}\" }}`")),
            "{told:?}"
        );
    }
    for fine in [
        "OPENAI_API_KEY = { from_env = \"SOME_KEY\" }",
        "OPENAI_API_KEY = \"\"",
        "TLS_KEY = \"/etc/a.key\"",
        "MONKEY = \"x\", KEYBOARD = \"us\", TOKENS = \"7\"",
    ] {
        assert_eq!(warned(fine), [""; 0], "{fine}");
    }
}

#[test]
fn a_key_that_is_named_and_not_there_is_warned_of_and_is_in_nobodys_way() {
    let text = "default_agent = \"router\"\n[vendors.router]\ngrant = \"api-key\"\nkey_env = \"ROUTER_KEY\"\n\
                [agents.router]\ntenant = \"router\"\nbase_url = \"https://a.example/v1\"\nmodel = \"m\"\n";
    let loaded = load_text(text, &[]);
    assert_eq!(loaded.problems, []);
    let told: Vec<String> = loaded.warnings.iter().map(in_short).collect();
    let words = "4: vendors.router.key_env: ROUTER_KEY is not set in the environment: the host has no key for router (";
    assert!(told.len() == 1 && told[0].starts_with(words), "{told:?}");
    assert_eq!(load_text(text, &[("ROUTER_KEY", "sk-planted")]).warnings, []);
    // What an agent of somebody else wants is an error for a host, and only for one.
    let text = "default_agent = \"a\"\n[agents.a]\ncommand = [\"a-acp\"]\nenv = { KEY = { from_env = \"SOME_KEY\" } }\n";
    let lacking = load_text(text, &[]).problems;
    assert_eq!(lacking.len(), 1, "{lacking:?}");
    assert!(
        !lacking[0].concerns_all() && in_short(&lacking[0]).contains("SOME_KEY is not set"),
        "{lacking:?}"
    );
}

#[test]
fn a_model_that_is_still_the_examples_is_warned_of() {
    for table in ["agents.a", "discord.channels.7"] {
        let text = format!("default_agent = \"a\"\n[agents.a]\n[{table}]\nmodel = \"the-name-of-a-model\"\n");
        let text = text.replace("[agents.a]\n[agents.a]", "[agents.a]");
        let loaded = load_text(
            &text,
            &[("DISCORD_TOKEN", "MTE1planted.Gabcde.planted-token-0123456789")],
        );
        assert_eq!(loaded.problems, [], "{text}");
        let told: Vec<String> = loaded.warnings.iter().map(in_short).collect();
        let words = format!("{table}.model: `the-name-of-a-model` stands for the name of one");
        assert!(told.len() == 1 && told[0].contains(&words), "{told:?}");
    }
}
