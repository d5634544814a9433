//! Requests that get no answer, half of one, or one from elsewhere.

use credentials::{Need, State};
use rehearsal::{Counter, Fault, Target};
use support::{Scene, own_port};

use super::{is_try_again, same};

#[tokio::test]
async fn an_unanswered_refresh_is_not_repeated_while_the_old_token_lives() {
    let scene = Scene::signed_in().await;
    scene.make_stale(&scene.host());
    scene.fault(Target::Refresh, 1, Fault::DropAfter);
    let live = scene.stored_token(&scene.host());
    for _ in 0..3 {
        let token = scene.token(&scene.host()).await.expect("the live token");
        assert!(same(&token.secret, &live));
    }
    assert_eq!(scene.refreshes(), 1);
    assert_eq!(scene.state(), State::Uncertain);
    // Then once, and the refusal is told with what came before it.
    scene.expire(&scene.host());
    let error = scene
        .token(&scene.host())
        .await
        .expect_err("the server had rotated")
        .to_string();
    assert!(
        error.contains("login required") && error.contains("was interrupted at 20"),
        "{error}"
    );
    assert_eq!(scene.refreshes(), 2);
}

#[tokio::test]
async fn a_request_that_never_arrived_is_repeated_once_after_the_old_token() {
    let scene = Scene::signed_in().await;
    scene.expire(&scene.host());
    scene.fault(Target::Refresh, 1, Fault::Drop);
    assert!(is_try_again(&scene.token(&scene.host()).await));
    let token = scene
        .token(&scene.host())
        .await
        .expect("the second request brings it");
    assert!(scene.accepts(&token.secret).await);
    assert_eq!(scene.state(), State::Valid);
}

#[tokio::test]
async fn a_second_unanswered_request_pauses_everybody() {
    let scene = Scene::signed_in().await;
    scene.expire(&scene.host());
    scene.fault(Target::Refresh, None, Fault::Drop);
    for _ in 0..5 {
        assert!(is_try_again(&scene.token(&scene.host()).await));
    }
    assert_eq!(scene.count(Counter::FaultsApplied), 2);
}

#[tokio::test]
async fn half_an_answer_and_an_endless_one_are_no_answer() {
    for fault in [Fault::Truncate, Fault::Oversize { bytes: 2_000_000 }] {
        let scene = Scene::signed_in().await;
        scene.make_stale(&scene.host());
        scene.fault(Target::Refresh, 1, fault);
        scene.token(&scene.host()).await.expect("the live token");
        assert_eq!(scene.state(), State::Uncertain);
    }
}

#[tokio::test]
async fn a_dribbling_server_holds_the_lock_no_longer_than_the_limit() {
    let scene = Scene::signed_in().await;
    scene.expire(&scene.host());
    scene.fault(Target::Refresh, 1, Fault::Drip { bytes_per_second: 1 });
    let error = scene
        .token(&scene.host())
        .await
        .expect_err("it takes minutes")
        .to_string();
    assert!(error.contains("no answer in time"), "{error}");
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let scene = Scene::signed_in().await;
    scene.expire(&scene.host());
    let location = scene.url().join("resource").expect("a valid path").to_string();
    scene.fault(
        Target::Refresh,
        1,
        Fault::Redirect {
            location,
            status: 307,
        },
    );
    let error = scene
        .token(&scene.host())
        .await
        .expect_err("nothing came")
        .to_string();
    assert!(error.contains("redirects to 127.0.0.1"), "{error}");
    assert_eq!(scene.count(Counter::ResourceDenied), 0, "nobody knocked there");
}

#[tokio::test]
async fn a_token_for_this_machine_never_goes_to_a_proxy() {
    let scene = Scene::signed_in().await;
    scene.expire(&scene.host());
    let proxy = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    proxy
        .set_nonblocking(true)
        .expect("it can be asked without waiting");
    let address = format!("http://{}", proxy.local_addr().expect("an address"));
    scene.caller().proxy(&address).run().expect_token();
    assert!(proxy.accept().is_err(), "nobody came");
}

#[tokio::test]
async fn nothing_is_sent_where_nobody_listens_and_nothing_is_uncertain() {
    let scene = Scene::signed_in().await;
    scene.expire(&scene.host());
    let elsewhere = url::Url::parse(&format!("http://127.0.0.1:{}/", own_port())).expect("a URL");
    let credentials = credentials::Credentials::new(
        scene.store(),
        credentials::Vendors::builtin(Some(&elsewhere)),
        credentials::Refresher::Program(support::program("caller")),
    );
    assert!(is_try_again(
        &credentials.token(&scene.host(), &Need::default()).await
    ));
    assert_eq!(scene.state(), State::Expired);
}
