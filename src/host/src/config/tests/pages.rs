//! The page: for whom, and whether it could work.

use super::*;

#[test]
fn a_page_for_other_machines_wants_a_password_that_is_really_there() {
    let config = "[web]\nlisten = \"0.0.0.0:0\"\npassword_env = \"SECRET_WORD\"\n";
    assert_eq!(
        load_text(config, &[]).problems.len(),
        1,
        "a password that is not set keeps nobody out"
    );
    // `status` in another terminal needs no password.
    assert!(!load_text(config, &[]).problems.iter().any(Problem::concerns_all));
    let loaded = load_text(config, &[("SECRET_WORD", "open sesame, please")]);
    assert_eq!(loaded.problems, []);
    assert!(matches!(loaded.settings.web.allow, Access::Password(_)));
}

#[test]
fn a_page_that_could_not_work_is_told_by_the_check() {
    for (web, starts) in [
        (
            "public_url = \"https://x.example/agents/\"\nuser_header = \"X-User\"\n",
            &[
                "2: web.public_url: `https://x.example/agents/` is not the root",
                "3: web.user_header: every program on this machine",
            ][..],
        ),
        (
            "user_header = \"X User\"\nproxy_secret_env = \"LONG\"\nproxy_secret_header = \"\"\n",
            &[
                "2: web.user_header: people come through the proxy",
                "2: web.user_header: `X User` is not the name of a header",
                "4: web.proxy_secret_header: `` is not the name of a header",
            ],
        ),
        (
            "public_url = \"https://x.example/\"\nuser_header = \"x-proxy-secret\"\nproxy_secret_env = \"LONG\"\n",
            &["3: web.user_header: is the header of the secret"],
        ),
        (
            "public_url = \"https://x.example/\"\nuser_header = \"X-User\"\nproxy_secret_env = \"SHORT\"\n",
            &["4: web.proxy_secret_env: the secret is too short"],
        ),
        (
            "public_url = \"https://x.example/\"\nuser_header = \"X-User\"\nproxy_secret_file = \"/nowhere/a\"\n",
            &["4: web.proxy_secret_file: could not read"],
        ),
        (
            "admins = [\"alice\"]\nproxy_secret_env = \"LONG\"\n",
            &[
                "2: web.admins: has no meaning without user_header",
                "3: web.proxy_secret_env: has no meaning without",
            ],
        ),
        (
            "proxy_secret_header = \"X-S\"\n",
            &["2: web.proxy_secret_header: has no meaning"],
        ),
        (
            "public_url = \"https://x.example/\"\nuser_header = \"X-User\"\npassword_env = \"LONG\"\nproxy_secret_env = \"LONG\"\n",
            &["3: web.user_header: there is also a password"],
        ),
    ] {
        let secrets = [
            ("LONG", "a secret of thirty-two characters"),
            ("SHORT", "fourteen chars"),
        ];
        let loaded = load_text(&format!("[web]\n{web}"), &secrets);
        let told: Vec<String> = loaded.problems.iter().map(in_short).collect();
        assert_eq!(told.len(), starts.len(), "{told:#?}");
        for (told, start) in told.iter().zip(starts) {
            assert!(told.starts_with(start), "{told} instead of {start}");
        }
    }
    let short = load_text(
        "[web]\npassword_env = \"SECRET_WORD\"\n",
        &[("SECRET_WORD", "short")],
    );
    assert!(short.problems[0].to_string().contains("at least 12 characters"));
}
