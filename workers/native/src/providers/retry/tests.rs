//! The table of what follows which failure.

use super::*;

fn status(status: u16, body: &str) -> Failure {
    Failure::Status {
        status,
        retry_after: None,
        is_rejection: status == 401,
        at: "models.example/chat/completions".into(),
        said: Box::new(Said::of_body(body.as_bytes())),
    }
}

fn course(tries: u32) -> Course {
    Course {
        tries,
        abilities: Abilities::default(),
        chance: 0.5,
    }
}

fn kind(step: &Step) -> &'static str {
    match step {
        Step::Again { .. } => "again",
        Step::Renew => "renew",
        Step::Without(_) => "without",
        Step::GiveUp(_) => "give up",
        Step::Shorten(_) => "shorten",
        Step::Bar(_) => "bar",
        Step::Refuse(_) => "refuse",
    }
}

#[test]
fn what_follows_a_failure_is_this_table() {
    let quota = r#"{"error":{"code":"insufficient_quota","message":"You exceeded your current quota"}}"#;
    let code = |code: &str| Said {
        code: Some(code.into()),
        ..Said::default()
    };
    for (failure, tries, next) in [
        (status(401, ""), 1, "renew"),
        (status(401, ""), 6, "renew"),
        (status(403, ""), 1, "refuse"),
        (status(400, ""), 1, "refuse"),
        (status(400, "stream_options: unknown"), 1, "without"),
        (status(404, ""), 1, "bar"),
        (status(402, ""), 1, "bar"),
        (status(302, ""), 1, "bar"),
        (status(408, ""), 1, "again"),
        (status(409, ""), 1, "again"),
        (status(429, ""), 1, "again"),
        (status(429, quota), 1, "bar"),
        (status(500, ""), 5, "again"),
        (status(500, ""), 6, "give up"),
        (status(501, ""), 1, "bar"),
        (status(503, ""), 1, "again"),
        (status(529, ""), 1, "again"),
        (Failure::Stream(Said::default()), 1, "again"),
        (Failure::Stream(code("rate_limit_exceeded")), 1, "again"),
        (Failure::Stream(code("server_error")), 6, "give up"),
        (Failure::Stream(code("context_length_exceeded")), 1, "shorten"),
        (Failure::Stream(code("insufficient_quota")), 1, "bar"),
        (Failure::Stream(code("content_policy_violation")), 1, "refuse"),
        (status(413, ""), 1, "shorten"),
        (status(400, "prompt is too long: 9 tokens"), 1, "shorten"),
        (status(500, "exceed_context_size_error"), 1, "shorten"),
        (
            status(429, "the context window of your plan, per minute"),
            1,
            "again",
        ),
        (Failure::NoConnection("x".into()), 1, "again"),
        (Failure::NoConnection("x".into()), 6, "give up"),
        (Failure::Broken("x".into()), 1, "again"),
        (Failure::Nonsense("x".into()), 1, "refuse"),
        (Failure::NoApi("x".into()), 1, "bar"),
        (Failure::Silent(Duration::from_mins(5)), 1, "again"),
        (Failure::Silent(Duration::from_mins(5)), 2, "give up"),
        (
            Failure::NoToken {
                why: "busy".into(),
                after: None,
            },
            1,
            "again",
        ),
    ] {
        assert_eq!(kind(&failure.next(course(tries))), next, "{failure:?}");
    }
}

fn delay(tries: u32, chance: f64, asked: Option<Duration>) -> Duration {
    let failure = Failure::Status {
        status: 429,
        retry_after: asked,
        is_rejection: false,
        at: String::new(),
        said: Box::default(),
    };
    let course = Course {
        chance,
        ..course(tries)
    };
    match failure.next(course) {
        Step::Again { delay, .. } => delay,
        other => panic!("{other:?}"),
    }
}

#[test]
fn waits_grow_are_spread_and_never_shorter_than_asked() {
    let seconds = Duration::from_secs_f64;
    assert_eq!(delay(1, 1.0, None), seconds(1.0));
    assert_eq!(delay(3, 1.0, None), seconds(4.0));
    assert_eq!(delay(5, 0.25, None), seconds(4.0));
    assert_eq!(delay(5, 0.0, None), Duration::ZERO);
    assert_eq!(delay(1, 0.0, Some(seconds(7.0))), seconds(7.0));
    assert_eq!(delay(5, 0.5, Some(seconds(7.0))), seconds(7.5));
    assert_eq!(delay(1, 1.0, Some(LONGEST_ASKED)), LONGEST_ASKED);
}

#[test]
fn a_server_that_asks_for_hours_is_not_waited_for() {
    let failure = Failure::Status {
        status: 429,
        retry_after: Some(Duration::from_hours(3)),
        is_rejection: false,
        at: String::new(),
        said: Box::default(),
    };
    let Step::GiveUp(words) = failure.next(course(1)) else {
        panic!("it waits")
    };
    assert_eq!(
        words,
        "the provider's rate limit is reached (429); it asks to wait 3 h before the next try"
    );
}

#[test]
fn what_no_other_try_can_change_is_called_by_its_name_and_sent_once() {
    let coded = |code: &str| format!(r#"{{"error":{{"code":"{code}","message":"M"}}}}"#);
    let told = |message: &str| format!(r#"{{"error":{{"message":"{message}"}}}}"#);
    let typed = r#"{"error":{"type":"insufficient_quota","code":"429","message":"M"}}"#.to_owned();
    let page = || "<!DOCTYPE html><h1>Not here</h1>".to_owned();
    let (credit, model) = ("no credit is left", "does not know this model (");
    let address = "there is no model API at models.example/chat/completions (";
    for (status_code, body, words, hint) in [
        (429, coded("insufficient_quota"), credit, "needs credit"),
        (429, typed, credit, "needs credit"),
        (429, coded("billing_hard_limit_reached"), credit, "needs credit"),
        (429, coded("exceeded_current_quota_error"), credit, "needs credit"),
        (402, told("M"), credit, "needs credit"),
        (402, String::new(), credit, "needs credit"),
        (
            400,
            told("Your credit balance is too low"),
            credit,
            "needs credit",
        ),
        (
            429,
            coded("usage_limit_reached"),
            "the plan's share",
            "next period",
        ),
        (404, coded("model_not_found"), model, "`/model NAME`"),
        (404, told("The model `x` does not exist"), model, "`/model NAME`"),
        (400, told("x is not a valid model ID"), model, "`/model NAME`"),
        (404, r#"{"detail":"Not Found"}"#.to_owned(), address, "`/v1`"),
        (404, page(), address, "`/v1`"),
        (400, page(), address, "`/v1`"),
        (
            405,
            r#"{"detail":"Method Not Allowed"}"#.to_owned(),
            address,
            "`/v1`",
        ),
        (
            404,
            String::new(),
            "this model, or the address models.example",
            "`/v1`",
        ),
        (308, String::new(), "leads elsewhere", "`base_url`"),
        (
            403,
            coded("unsupported_country_region_territory"),
            "does not allow this request",
            "does not serve this place",
        ),
        (
            403,
            told("You do not have access to it"),
            "does not allow",
            "may not use this model",
        ),
        (
            400,
            told("x does not support tools"),
            "refused the request",
            "can call tools",
        ),
        (413, page(), "the request is too long", "say it in parts"),
    ] {
        let (Step::Bar(told) | Step::Shorten(told)) = status(status_code, &body).next(course(1)) else {
            panic!("it is sent again, or what was said is blamed: {status_code} {body}")
        };
        let (first, second) = told.split_once("\nhint: ").unwrap();
        assert!(first.contains(words) && second.contains(hint), "{told}");
        assert!(first.contains(&format!("({status_code})")), "{told}");
    }
    let said = Said::of_body(coded("insufficient_quota").as_bytes());
    let Step::Bar(told) = Failure::Stream(said).next(course(1)) else {
        panic!("it is sent again")
    };
    assert!(
        told.starts_with("no credit is left at the provider: M\n"),
        "{told}"
    );
}

#[test]
fn refusals_say_what_to_do() {
    for (status_code, body, hint) in [
        (
            404,
            r#"{"error":{"message":"model 'x' not found"}}"#,
            "`/model NAME` takes another model",
        ),
        (
            400,
            r#"{"error":{"code":"context_length_exceeded","message":"too long"}}"#,
            "say it in parts",
        ),
        (
            400,
            r#"{"error":"registry/x does not support tools"}"#,
            "can call tools",
        ),
        (301, "", "`base_url`"),
    ] {
        let (Step::Refuse(words) | Step::Bar(words) | Step::Shorten(words)) =
            status(status_code, body).next(course(1))
        else {
            panic!("not refused: {body}")
        };
        assert!(words.contains("\nhint: ") && words.contains(hint), "{words}");
    }
    let Step::Refuse(words) = status(400, r#"{"error":{"message":"bad"}}"#).next(course(1)) else {
        panic!("not refused")
    };
    assert_eq!(words, "the provider refused the request (400): bad");
}
