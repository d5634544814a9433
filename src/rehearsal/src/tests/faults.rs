//! Every fault, as the client meets it, and whether the request had its effect.

use std::sync::Arc;
use std::time::{Duration, Instant};

use reqwest::StatusCode;
use serde_json::{Value, json};

use super::{Bench, error_of, tokens};
use crate::{Counter, Fault};

#[tokio::test]
async fn latency_delays_the_usual_answer() {
    let bench = Bench::new().await;
    let first = bench.sign_in().await;
    bench.fault_once(Fault::Latency { ms: 50 });
    let begun = Instant::now();
    assert_eq!(bench.refresh(&first.refresh).await.status(), StatusCode::OK);
    assert!(begun.elapsed() >= Duration::from_millis(50));
}

#[tokio::test]
async fn a_status_fault_answers_without_rotating() {
    let bench = Bench::new().await;
    let first = bench.sign_in().await;
    bench.fault_once(Fault::Status {
        status: 429,
        retry_after: Some(7),
        error: None,
        error_description: Some("busy".to_owned()),
        body: None,
    });
    let answer = bench.refresh(&first.refresh).await;
    assert_eq!(answer.headers()["retry-after"], "7");
    let expected = json!(["temporarily_unavailable", "busy"]);
    assert_eq!(error_of(answer).await, (StatusCode::TOO_MANY_REQUESTS, expected));
    assert_eq!(bench.count(Counter::Rotations), 0);
    assert_eq!(bench.refresh(&first.refresh).await.status(), StatusCode::OK);
    assert_eq!(bench.count(Counter::RefreshRequests), 2);
    assert_eq!(bench.count(Counter::FaultsApplied), 1);
}

#[tokio::test]
async fn an_html_fault_looks_like_a_portal() {
    let bench = Bench::new().await;
    let first = bench.sign_in().await;
    bench.fault_once(Fault::Html { status: 200 });
    let answer = bench.refresh(&first.refresh).await;
    assert_eq!(answer.status(), StatusCode::OK);
    assert!(answer.text().await.unwrap().starts_with("<!doctype html>"));
    assert_eq!(bench.count(Counter::Rotations), 0);
}

#[tokio::test]
async fn a_dripping_answer_comes_in_pieces_and_whole() {
    let bench = Bench::new().await;
    let first = bench.sign_in().await;
    bench.fault_once(Fault::Drip {
        bytes_per_second: 1000,
    });
    let mut answer = bench.refresh(&first.refresh).await;
    let (mut pieces, mut body) = (0, Vec::new());
    while let Some(piece) = answer.chunk().await.unwrap() {
        pieces += 1;
        body.extend_from_slice(&piece);
    }
    assert!(pieces >= 3, "{pieces}");
    let next = tokens(&serde_json::from_slice(&body).unwrap());
    assert!(bench.works(&next.access).await);
}

#[tokio::test]
async fn a_hanging_request_is_not_processed_and_ends_with_the_server() {
    let bench = Arc::new(Bench::new().await);
    hangs(bench, Fault::Hang, 0).await;
}

#[tokio::test]
async fn a_request_that_hangs_after_has_rotated() {
    let bench = Arc::new(Bench::new().await);
    hangs(bench, Fault::HangAfter, 1).await;
}

async fn hangs(bench: Arc<Bench>, fault: Fault, rotations: u64) {
    let first = bench.sign_in().await;
    bench.fault_once(fault);
    let asking = tokio::spawn({
        let bench = Arc::clone(&bench);
        async move { bench.try_refresh(&first.refresh).await.map(|_| ()) }
    });
    bench.until(Counter::FaultsApplied, 1).await;
    bench.until(Counter::Rotations, rotations).await;
    assert!(!asking.is_finished());
    bench.server.stop();
    assert!(asking.await.unwrap().is_err());
    assert_eq!(bench.count(Counter::Rotations), rotations);
}

#[tokio::test]
async fn a_dropped_request_was_not_processed() {
    let bench = Bench::new().await;
    let first = bench.sign_in().await;
    bench.fault_once(Fault::Drop);
    assert!(bench.try_refresh(&first.refresh).await.is_err());
    assert_eq!(bench.count(Counter::Rotations), 0);
    assert_eq!(bench.refresh(&first.refresh).await.status(), StatusCode::OK);
}

#[tokio::test]
async fn a_request_that_is_dropped_after_has_rotated() {
    let bench = Bench::new().await;
    let first = bench.sign_in().await;
    bench.fault_once(Fault::DropAfter);
    assert!(bench.try_refresh(&first.refresh).await.is_err());
    assert_eq!(bench.count(Counter::Rotations), 1);
    let blind = bench.refresh(&first.refresh).await;
    assert_eq!(blind.status(), StatusCode::BAD_REQUEST);
    assert_eq!(bench.count(Counter::FamiliesRevoked), 1);
}

#[tokio::test]
async fn a_truncated_answer_promises_more_than_it_brings() {
    let bench = Bench::new().await;
    let first = bench.sign_in().await;
    bench.fault_once(Fault::Truncate);
    let mut answer = bench.refresh(&first.refresh).await;
    let promised = answer.content_length().unwrap();
    let mut arrived = 0;
    let end = loop {
        match answer.chunk().await {
            Ok(Some(piece)) => arrived += piece.len() as u64,
            other => break other,
        }
    };
    assert!(end.is_err());
    assert_eq!(arrived, promised / 2);
    assert_eq!(bench.count(Counter::Rotations), 1);
}

#[tokio::test]
async fn fields_can_be_left_out_or_odd() {
    let bench = Bench::new().await;
    let mut token = bench.sign_in().await.refresh;
    bench.fault_once(Fault::Omit {
        fields: vec!["expires_in".to_owned(), "scope".to_owned()],
    });
    let answer: Value = bench.refresh(&token).await.json().await.unwrap();
    assert!(answer.get("expires_in").is_none() && answer.get("scope").is_none());
    token = tokens(&answer).refresh;
    for value in [json!(0), json!(-5), json!("3600"), json!(1e300), Value::Null] {
        bench.fault_once(Fault::Set {
            field: "expires_in".to_owned(),
            value: value.clone(),
        });
        let answer: Value = bench.refresh(&token).await.json().await.unwrap();
        assert_eq!(answer["expires_in"], value);
        token = tokens(&answer).refresh;
    }
}

#[tokio::test]
async fn an_early_refresh_is_refused_and_rotates_nothing() {
    let bench = Bench::new().await;
    let first = bench.sign_in().await;
    bench.fault_once(Fault::RefuseEarly { within_s: 0 });
    let refused = error_of(bench.refresh(&first.refresh).await).await;
    let expected = json!(["invalid_request", "token is still valid"]);
    assert_eq!(refused, (StatusCode::BAD_REQUEST, expected));
    bench.fault_once(Fault::RefuseEarly { within_s: 0 });
    bench.server.control().expire();
    assert_eq!(bench.refresh(&first.refresh).await.status(), StatusCode::OK);
    assert_eq!(bench.server.control().faults().len(), 1, "and was not used up");
}

#[tokio::test]
async fn a_redirect_fault_sends_elsewhere_without_rotating() {
    let bench = Bench::new().await;
    let first = bench.sign_in().await;
    bench.fault_once(Fault::Redirect {
        location: "http://127.0.0.1:1/".to_owned(),
        status: 307,
    });
    let answer = bench.refresh(&first.refresh).await;
    assert_eq!(answer.status(), StatusCode::TEMPORARY_REDIRECT);
    assert_eq!(answer.headers()["location"], "http://127.0.0.1:1/");
    assert_eq!(bench.count(Counter::Rotations), 0);
}

#[tokio::test]
async fn an_answer_is_held_until_enough_callers_have_reported() {
    let bench = Arc::new(Bench::new().await);
    let asking = held(&bench, Fault::HoldReports { count: 2 }).await;
    let control = bench.server.control();
    control.report("one");
    control.report("one");
    assert_eq!(bench.count(Counter::Reports), 1);
    assert!(!asking.is_finished());
    control.report("two");
    assert_eq!(asking.await.unwrap(), StatusCode::OK);
}

#[tokio::test]
async fn an_answer_is_held_until_it_is_released() {
    let bench = Arc::new(Bench::new().await);
    let asking = held(&bench, Fault::Hold).await;
    assert!(!asking.is_finished());
    bench.server.control().release();
    assert_eq!(asking.await.unwrap(), StatusCode::OK);
}

/// Starts a refresh that is held, and returns once it is.
async fn held(bench: &Arc<Bench>, fault: Fault) -> tokio::task::JoinHandle<StatusCode> {
    let first = bench.sign_in().await;
    bench.fault_once(fault);
    let asking = tokio::spawn({
        let bench = Arc::clone(bench);
        async move { bench.refresh(&first.refresh).await.status() }
    });
    bench.until(Counter::AnswersHeld, 1).await;
    assert_eq!(bench.count(Counter::Rotations), 1, "held after it rotated");
    asking
}

#[tokio::test]
async fn an_oversize_answer_is_padded() {
    let bench = Bench::new().await;
    let first = bench.sign_in().await;
    bench.fault_once(Fault::Oversize { bytes: 2 << 20 });
    let answer: Value = bench.refresh(&first.refresh).await.json().await.unwrap();
    assert_eq!(answer["padding"].as_str().unwrap().len(), 2 << 20);
    assert!(bench.works(&tokens(&answer).access).await);
}
