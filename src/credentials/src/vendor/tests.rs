use super::*;

fn url(text: &str) -> Url {
    Url::parse(text).unwrap()
}

fn words(text: &str) -> Vec<String> {
    text.split_whitespace().map(str::to_owned).collect()
}

fn pkce(authorize: &str, redirect: &str, extra: &[(&str, &str)], sends_state: bool) -> Way {
    Way::Pkce(Pkce {
        authorize_url: url(authorize),
        redirect_uris: vec![url(redirect)],
        extra_params: extra
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect(),
        sends_state,
    })
}

fn device(at: &str) -> Way {
    Way::Device(Box::new(Device {
        device_url: url(at),
        wire: DeviceWire::Rfc8628,
    }))
}

fn vendor(name: &str, ways: Vec<Way>, endpoint: Option<TokenEndpoint>, scopes: &str) -> Vendor {
    Vendor {
        service: Service::parse(name).unwrap(),
        title: name.to_owned(),
        ways,
        endpoint,
        scopes: words(scopes),
        resource: None,
        issuer: None,
        environment: Environment::default(),
        rejection_codes: vec![],
        shortest_key: 0,
        warning: None,
    }
}

/// The vendors that are not built in yet, described: nothing of them needs code of its own.
#[test]
fn the_descriptor_fits_every_vendor_of_the_matrix() {
    let mut anthropic = vendor(
        "anthropic-oauth",
        vec![pkce(
            "https://claude.ai/oauth/authorize",
            "https://platform.claude.com/oauth/code/callback",
            &[("code", "true")],
            true,
        )],
        Some(TokenEndpoint {
            code_body: BodyFormat::Json,
            refresh_body: BodyFormat::Json,
            ..TokenEndpoint::plain(url("https://platform.claude.com/v1/oauth/token"), "public-client")
        }),
        "org:create_api_key user:profile user:inference",
    );
    anthropic.warning = Some("the vendor forbids this to other programs".into());
    let google = |name: &str, redirect: &str| {
        let mut google = vendor(
            name,
            vec![pkce(
                "https://accounts.google.com/o/oauth2/v2/auth",
                redirect,
                &[("access_type", "offline")],
                false,
            )],
            Some(TokenEndpoint::plain(
                url("https://oauth2.googleapis.com/token"),
                "public-client",
            )),
            "https://www.googleapis.com/auth/cloud-platform",
        );
        google.environment.client_secret_name = Some("GEMINI_OAUTH_CLIENT_SECRET".into());
        google
    };
    let gemini = google("gemini", "http://127.0.0.1/oauth2callback");
    let antigravity = google("antigravity", "http://localhost:51121/oauth-callback");
    let mut xai = vendor(
        "xai",
        vec![
            device("https://auth.x.ai/oauth2/device/code"),
            pkce(
                "https://auth.x.ai/oauth2/authorize",
                "http://127.0.0.1/callback",
                &[],
                false,
            ),
            Way::ApiKey,
        ],
        Some(TokenEndpoint::plain(
            url("https://auth.x.ai/oauth2/token"),
            "public-client",
        )),
        "openid profile email offline_access grok-cli:access api:access",
    );
    xai.environment.key_name = Some("XAI_API_KEY".into());
    xai.rejection_codes = words("unauthenticated:bad-credentials");
    let copilot = vendor(
        "copilot",
        vec![device("https://github.com/login/device/code")],
        Some(TokenEndpoint {
            renewal: Renewal::Mint {
                url: url("https://api.github.com/copilot_internal/v2/token"),
                scheme: "token".into(),
            },
            ..TokenEndpoint::plain(
                url("https://github.com/login/oauth/access_token"),
                "public-client",
            )
        }),
        "read:user",
    );
    let mimocode = vendor("mimocode", vec![Way::ApiKey], None, "");

    assert!(
        matches!(gemini.token_endpoint(), Err(VendorGap::NoSecret { .. })),
        "its secret comes from the environment"
    );
    assert!(xai.is_rejection(403, br#"{"code":"unauthenticated:bad-credentials"}"#));
    assert!(matches!(
        mimocode.token_endpoint(),
        Err(VendorGap::NoTokens { .. })
    ));
    for vendor in [anthropic, gemini, antigravity, xai, copilot, mimocode] {
        let again = vendor.endpoint.as_ref().map(|endpoint| {
            serde_json::from_str::<TokenEndpoint>(&serde_json::to_string(endpoint).unwrap()).unwrap()
        });
        assert_eq!(
            format!("{again:?}"),
            format!("{:?}", vendor.endpoint),
            "a job carries it whole"
        );
    }
}

#[test]
fn codex_is_described_as_its_own_client_describes_it() {
    let vendors = Vendors::builtin(None);
    let codex = vendors.get(&Service::parse("codex").unwrap()).unwrap();
    let endpoint = codex.token_endpoint().unwrap();
    assert_eq!(endpoint.token_url.as_str(), "https://auth.openai.com/oauth/token");
    assert_eq!(endpoint.client_id, "app_EMoamEEZ73f0CkXaXp7hrann");
    assert_eq!(
        (endpoint.code_body, endpoint.refresh_body),
        (BodyFormat::Form, BodyFormat::Json)
    );
    assert_eq!(codex.scopes, words("openid profile email offline_access"));
    assert!(endpoint.revoke_url.is_none());
    let Some(Way::Pkce(pkce)) = codex.way(None) else {
        panic!("pkce comes first")
    };
    assert_eq!(
        pkce.authorize_url.as_str(),
        "https://auth.openai.com/oauth/authorize"
    );
    assert_eq!(
        pkce.redirect_uris[0].as_str(),
        "http://localhost:1455/auth/callback"
    );
    let Some(Way::Device(device)) = codex.way(Some("device")) else {
        panic!("device comes second")
    };
    assert_eq!(
        device.device_url.as_str(),
        "https://auth.openai.com/api/accounts/deviceauth/usercode"
    );
    let DeviceWire::Codex {
        poll_url,
        verification_url,
        redirect_uri,
    } = &device.wire
    else {
        panic!("its own shape")
    };
    assert_eq!(
        poll_url.as_str(),
        "https://auth.openai.com/api/accounts/deviceauth/token"
    );
    assert_eq!(verification_url.as_str(), "https://auth.openai.com/codex/device");
    assert_eq!(
        redirect_uri.as_str(),
        "https://auth.openai.com/deviceauth/callback"
    );
}

#[test]
fn a_401_refreshes_and_a_403_only_with_the_vendors_own_word() {
    let mut vendor = vendor("x", vec![], None, "");
    vendor.rejection_codes = words("unauthenticated:bad-credentials");
    for (status, body, refreshes) in [
        (401, "", true),
        (401, "<html>", true),
        (403, r#"{"code":"unauthenticated:bad-credentials"}"#, true),
        (403, r#"{"code":"plan"}"#, false),
        (403, r#"{"error":"insufficient_scope"}"#, false),
        (403, "<html>blocked</html>", false),
        (429, "", false),
        (500, r#"{"code":"unauthenticated:bad-credentials"}"#, false),
    ] {
        assert_eq!(
            vendor.is_rejection(status, body.as_bytes()),
            refreshes,
            "{status} {body}"
        );
    }
}

#[test]
fn tokens_go_over_https_or_stay_on_this_machine() {
    for (text, safe) in [
        ("https://a.example/token", true),
        ("http://127.0.0.1:1/token", true),
        ("http://[::1]/token", true),
        ("http://localhost/token", true),
        ("http://a.example/token", false),
        ("http://127.0.0.1.a.example/token", false),
        ("http://10.0.0.1/token", false),
        ("ftp://127.0.0.1/token", false),
    ] {
        assert_eq!(is_safe(&url(text)), safe, "{text}");
    }
}

fn declare(name: &str, table: serde_json::Value) -> Result<(), Vec<VendorError>> {
    Vendors::builtin(None).declare(name, &serde_json::from_value(table).unwrap())
}

#[test]
fn everything_wrong_with_a_declared_vendor_is_said_at_once() {
    let errors = declare(
        "acme",
        serde_json::json!({ "grant": "pkce", "authorize_url": "http://a.example/auth", "client_id": "pub" }),
    )
    .unwrap_err();
    let told: Vec<_> = errors.iter().map(ToString::to_string).collect();
    assert_eq!(told.len(), 3, "{told:?}");
    for (length, fits) in [(64, true), (65, false)] {
        let declared = declare(&"v".repeat(length), serde_json::json!({ "grant": "api-key" }));
        assert_eq!(declared.is_ok(), fits, "{length}: {declared:?}");
    }
    assert!(declare("mcp:x", serde_json::json!({ "grant": "api-key" })).is_err());
    assert!(declare("acme", serde_json::json!({ "scopes": ["x"] })).is_err());
    assert!(declare("codex", serde_json::json!({ "issuer": "http://127.0.0.1:1/" })).is_ok());
    assert!(
        declare(
            "acme",
            serde_json::json!({ "grant": "device", "device_url": "https://a.example/d",
        "token_url": "https://a.example/t", "client_id": "pub" })
        )
        .is_ok()
    );
}

#[test]
fn no_key_is_refused_for_its_length_where_nobody_knows_how_long_they_are() {
    let mut vendors = Vendors::builtin(None);
    let declared = DeclaredVendor::deserialize(serde_json::json!({ "grant": "api-key" })).unwrap();
    vendors.declare("at-home", &declared).unwrap();
    let read = |name: &str, key| {
        let vendor = vendors.get(&Service::parse(name).unwrap()).unwrap();
        crate::api_key(&vendor, key).map(str::to_owned)
    };
    assert_eq!(read("at-home", " x\n"), Ok("x".to_owned()));
    assert_eq!(read("openai", "EMPTY-00"), Ok("EMPTY-00".to_owned()));
    assert_eq!(read("openai", "EMPTY"), Err(crate::PasteError::ShortKey));
    for none in ["", "two words", "https://a.example/keys"] {
        assert_eq!(read("at-home", none), Err(crate::PasteError::NotAKey), "{none}");
    }
}
