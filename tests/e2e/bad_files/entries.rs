//! A file that is fine but for an entry, and one of a later version: what is not understood survives and hides nothing.

use credentials::{State, TokenError};
use rehearsal::Counter;
use support::{Report, Scene};

use super::{bytes, entry, text, words};

/// What stands where an entry should be; spelled as no serializer would.
const UNREADABLE: [&str; 9] = [
    r#""text""#,
    "7",
    "null",
    "[1,  2]",
    "{ }",
    r#"{"type" : "oauth", "access_token":"x"}"#,
    r#"{"type":"from_the_future",   "x": 1.50e3, "y":"\u00e9"}"#,
    r#"{"type":"oauth","generation":1,"access_token":7,"obtained_at_ms":1,"expires_at_ms":2,"obtained_by":"refresh","client_id":"c"}"#,
    r#"{"type":"oauth","generation":1,"access_token":"x","obtained_at_ms":1,"expires_at_ms":2,"obtained_by":"magic","client_id":"c"}"#,
];

#[tokio::test]
async fn an_unreadable_entry_does_not_disturb_a_good_one_and_survives_its_refresh() {
    for bad in UNREADABLE {
        let scene = Scene::signed_in().await;
        scene.expire(&scene.host());
        let good = entry(&scene);
        scene.write_file(
            format!(r#"{{"version":1,"generation":9,"tenants":{{"rehearsal":{{"local:bad":{bad},"host":{good}}}}}}}"#)
                .as_bytes(),
        );
        scene.caller().run().expect_token();
        assert_eq!(scene.count(Counter::RefreshRequests), 1, "{bad}");
        assert!(
            text(&scene).contains(&format!(r#""local:bad": {bad}"#)),
            "{bad}: {}",
            text(&scene)
        );
    }
}

#[tokio::test]
async fn an_unreadable_entry_is_shown_and_is_no_login() {
    for bad in UNREADABLE {
        let scene = Scene::signed_in().await;
        let good = entry(&scene);
        scene.write_file(
            format!(r#"{{"version":1,"generation":9,"tenants":{{"rehearsal":{{"local:bad":{bad},"host":{good}}}}}}}"#)
                .as_bytes(),
        );
        let tenants = scene.store().tenants().expect("the file is fine");
        let shown: Vec<_> = tenants
            .iter()
            .map(|tenant| (tenant.owner.as_str(), tenant.state))
            .collect();
        assert_eq!(
            shown,
            [("host", State::Valid), ("local:bad", State::Unreadable)],
            "{bad}"
        );
        assert!(tenants[1].detail.is_some(), "{bad}");
        let error = scene.token(&scene.user("bad")).await.expect_err("no token");
        assert!(matches!(error, TokenError::Store { .. }), "{bad}: {error:?}");
        let told = words(&error);
        assert!(
            told.contains("the entry of rehearsal for local:bad is unreadable"),
            "{told}"
        );
    }
}

#[tokio::test]
async fn an_unreadable_service_does_not_disturb_the_others() {
    for bad in [r#"["x",  1]"#, r#""text""#, "7", "null"] {
        let scene = Scene::signed_in().await;
        scene.expire(&scene.host());
        let good = entry(&scene);
        scene.write_file(
            format!(
                r#"{{"version":1,"generation":9,"tenants":{{"acme":{bad},"rehearsal":{{"host":{good}}}}}}}"#
            )
            .as_bytes(),
        );
        scene.caller().run().expect_token();
        assert!(
            text(&scene).contains(&format!(r#""acme": {bad}"#)),
            "{bad}: {}",
            text(&scene)
        );
        let tenants = scene.store().tenants().expect("the file is fine");
        let acme = tenants
            .iter()
            .find(|tenant| tenant.service == "acme")
            .expect("it is shown");
        assert_eq!(
            (acme.owner.as_str(), acme.state),
            ("*", State::Unreadable),
            "{bad}"
        );
    }
}

#[tokio::test]
async fn a_tenant_of_an_unreadable_service_is_no_login() {
    for bad in [r#"["x",  1]"#, "7", "null"] {
        let scene = Scene::start().await;
        scene.write_file(
            format!(r#"{{"version":1,"generation":9,"tenants":{{"rehearsal":{bad}}}}}"#).as_bytes(),
        );
        let before = bytes(&scene);
        let error = scene.token(&scene.host()).await.expect_err("no token");
        assert!(matches!(error, TokenError::Store { .. }), "{bad}: {error:?}");
        assert!(words(&error).contains("is unreadable"), "{}", words(&error));
        assert_eq!(bytes(&scene), before);
    }
}

#[tokio::test]
async fn signing_in_or_out_is_the_cure_of_an_unreadable_service() {
    for bad in [r#"["x",  1]"#, "7", "null"] {
        for group in ["tenants", "pending"] {
            let scene = Scene::start().await;
            scene.write_file(format!(r#"{{"version":1,"{group}":{{"rehearsal":{bad}}}}}"#).as_bytes());
            scene.sign_in(&scene.host()).await;
            scene.token(&scene.host()).await.expect("it works again");
        }
        let scene = Scene::start().await;
        scene.write_file(format!(r#"{{"version":1,"tenants":{{"rehearsal":{bad}}}}}"#).as_bytes());
        let signed_out = scene
            .credentials()
            .logout(&scene.host())
            .await
            .expect("a sign-out");
        assert!(signed_out.was_there);
        assert_eq!(scene.file()["tenants"], serde_json::json!({}));
    }
}

#[tokio::test]
async fn an_entry_nested_without_end_is_unreadable_and_crashes_nobody() {
    let scene = Scene::signed_in().await;
    scene.expire(&scene.host());
    let good = entry(&scene);
    let deep = format!("{}{}", "[".repeat(200_000), "]".repeat(200_000));
    scene.write_file(
        format!(
            r#"{{"version":1,"generation":9,"x":{deep},"tenants":{{"acme":{deep},"rehearsal":{{"local:bad":{{"type":"oauth","x":{deep}}},"host":{good}}}}}}}"#
        )
        .as_bytes(),
    );
    scene.caller().run().expect_token();
    let tenants = scene.store().tenants().expect("the file is fine");
    let bad = tenants
        .iter()
        .find(|tenant| tenant.owner == "local:bad")
        .expect("it is shown");
    assert_eq!(bad.state, State::Unreadable);
}

// --- what this version does not know ---------------------------------------------------------------

#[tokio::test]
async fn unknown_members_tenants_and_owners_survive_a_refresh_byte_for_byte() {
    let kept = [
        r#""from_the_future": { "a" : [1, 2.50 ,1e400], "b":"\u00e9\/" }"#,
        r#""acme": {
      "matrix:@x:example.org": { "type" : "oauth",  "n":12345678901234567890123 }
    }"#,
        r#""slack:1": {"type":"cookie", "jar":[ ]}"#,
    ];
    let scene = Scene::signed_in().await;
    scene.expire(&scene.host());
    let good = entry(&scene);
    let [member, service, owner] = kept;
    let pending = r#"{"type" : "hologram",  "x":1.0}"#;
    scene.write_file(
        format!(
            r#"{{"version":1,{member},"generation":9,"tenants":{{{service},"rehearsal":{{{owner},"host":{good}}}}},"pending":{{"acme":{{"local:a":{pending}}}}}}}"#
        )
        .as_bytes(),
    );
    scene.caller().run().expect_token();
    let after = text(&scene);
    for kept in kept.into_iter().chain([pending]) {
        assert!(after.contains(kept), "{kept} is not in {after}");
    }
}

/// Adds members to the host's entry as written, and refreshes it.
fn refresh_with(scene: &Scene, members: &str) -> Report {
    scene.expire(&scene.host());
    let whole = text(scene);
    let changed = whole.replacen(r#""access_token":"#, &format!(r#"{members},"access_token":"#), 1);
    assert_ne!(changed, whole);
    scene.write_file(changed.as_bytes());
    scene.caller().run()
}

#[tokio::test]
async fn unknown_fields_of_an_entry_survive_its_refresh() {
    let scene = Scene::signed_in().await;
    let members = r#""from_the_future":{"x":[1,-2,3.5,true,null,"é"]},"tier":"gold""#;
    refresh_with(&scene, members).expect_token();
    for field in [
        r#""from_the_future":{"x":[1,-2,3.5,true,null,"é"]}"#,
        r#""tier":"gold""#,
    ] {
        assert!(text(&scene).contains(field), "{field} is not in {}", text(&scene));
    }
}

#[tokio::test]
async fn unknown_fields_of_an_entry_survive_its_refresh_byte_for_byte() {
    let mut lost = Vec::new();
    for field in [
        r#""big":123456789012345678901234567890"#,
        r#""exact":0.10000000000000000000000001"#,
        r#""trailing":1.50"#,
        r#""spaced":[1,  2]"#,
        r#""escaped":"\u00e9\/""#,
        r#""twice":{"a":1,"a":2}"#,
        r#""beyond":1e400"#,
    ] {
        let scene = Scene::signed_in().await;
        let report = refresh_with(&scene, field);
        if report.token.is_none() {
            lost.push(format!("{field} makes the login unusable: {report:?}"));
        } else if !text(&scene).contains(field) {
            let name = field.split(':').next().expect("a name");
            let after = text(&scene).split_once(name).map(|(_, after)| after.to_owned());
            lost.push(format!("{field} became {name}{}", after.unwrap_or_default()));
        }
    }
    assert!(lost.is_empty(), "\n{}", lost.join("\n"));
}

#[tokio::test]
async fn unknown_fields_of_an_account_survive_a_refresh() {
    let scene = Scene::signed_in().await;
    scene.edit(&scene.host(), |entry| {
        entry["account"] =
            serde_json::json!({"id": "operator", "label": "a@example.org", "plan_of_the_future": "gold"});
    });
    scene.expire(&scene.host());
    scene.caller().run().expect_token();
    assert!(text(&scene).contains("plan_of_the_future"));
}

#[tokio::test]
async fn a_spelling_that_is_not_canonical_is_a_stranger_and_is_kept() {
    let scene = Scene::signed_in().await;
    scene.expire(&scene.host());
    let good = entry(&scene);
    let stranger = r#"{"type":"api_key", "generation":3,"key":"k","obtained_at_ms":1}"#;
    scene.write_file(
        format!(
            r#"{{"version":1,"generation":9,"tenants":{{"Rehearsal":{{"host":{stranger}}},"rehearsal":{{"host":{good}}}}}}}"#
        )
        .as_bytes(),
    );
    scene.caller().run().expect_token();
    assert!(text(&scene).contains(stranger), "{}", text(&scene));
}
