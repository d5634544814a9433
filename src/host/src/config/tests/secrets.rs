//! Keys, tokens and whatever else is not for everybody.

use super::*;

#[test]
fn keys_tokens_and_client_secrets_come_from_the_environment() {
    let text = "[vendors.acme]\ngrant = \"device\"\ndevice_url = \"https://a.example/d\"\n\
                token_url = \"https://a.example/t\"\nclient_id = \"c\"\nclient_secret_env = \"ACME_SECRET\"\n";
    let loaded = load_text(
        text,
        &[
            ("ACME_SECRET", "s"),
            ("OPENAI_API_KEY", "k"),
            ("CLAUDE_CODE_OAUTH_TOKEN", "t"),
            ("ANTHROPIC_API_KEY", " "),
        ],
    );
    let vendor = |name: &str| {
        let service = credentials::Service::parse(name).unwrap();
        loaded.settings.vendors.get(&service).unwrap()
    };
    let secret = vendor("acme").token_endpoint().unwrap().client_secret.unwrap();
    assert_eq!(secret.expose_secret(), "s");
    assert_eq!(
        vendor("openai").environment.key.as_ref().unwrap().expose_secret(),
        "k"
    );
    assert_eq!(
        vendor("anthropic")
            .environment
            .token
            .as_ref()
            .unwrap()
            .expose_secret(),
        "t"
    );
    assert!(vendor("anthropic").environment.key.is_none(), "blanks are no key");
}

#[test]
fn a_key_that_no_header_can_carry_is_told_by_its_variable_where_an_agent_would_send_it() {
    let broken = [
        ("OPENAI_API_KEY", "sk-one\nsk-two"),
        ("ANTHROPIC_API_KEY", "sk\u{7}"),
    ];
    let told = problems_of("", &broken);
    assert_eq!(
        told,
        [
            "environment: OPENAI_API_KEY: holds a line feed (character 7 of 13), which no HTTP header can carry (set it to the \
             key alone, one word of visible characters)"
        ]
    );
    // Whoever only looks is not kept from it.
    assert!(!load_text("", &broken).problems[0].concerns_all());
    let of_others = "default_agent = \"other\"\n[agents.other]\ncommand = [\"x\"]\n";
    assert!(problems_of(of_others, &broken).is_empty());
    let blanks = [("OPENAI_API_KEY", " sk-one\n")];
    assert!(problems_of("", &blanks).is_empty(), "around it they are left out");
}

#[test]
fn a_secret_in_place_of_the_name_of_a_variable_is_told_and_not_shown() {
    for (text, start) in [
        (
            "[agents.a]\ncommand = [\"a-acp\"]\nenv = { K = { from_env = \"sk-planted 1\" } }\n",
            "3: agents.a.env: the `from_env` of K is not the name of a variable",
        ),
        (
            "[web]\npassword_env = \"sk-planted 1\"\n",
            "2: web.password_env: is not the name of a variable",
        ),
        (
            "[vendors.codex]\nkey_env = \"sk-planted 1\"\n",
            "2: vendors.codex.key_env: is not the name of a variable",
        ),
        (
            "[vendors.codex]\nclient_secret_env = \"sk-planted 1\"\n",
            "2: vendors.codex.client_secret_env: is not the name of a variable",
        ),
    ] {
        let told = problems(text);
        assert_eq!(told.len(), 1, "{told:#?}");
        assert!(
            told[0].starts_with(start) && !told[0].contains("planted"),
            "{told:#?}"
        );
    }
}
