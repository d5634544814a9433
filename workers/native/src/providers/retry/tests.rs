//! The table of what follows which failure.

use serde_json::json;

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
        pictures: Pictures::None,
        has_replied: false,
        chance: 0.5,
    }
}

fn kind(step: &Step) -> &'static str {
    match step {
        Step::Again { .. } => "again",
        Step::Renew => "renew",
        Step::Without(_) => "without",
        Step::GiveUp(_) => "give up",
        Step::Suspect(_) => "suspect",
        Step::Shorten(_) => "shorten",
        Step::TryShorter(_) => "try shorter",
        Step::WithoutPictures(_) => "without pictures",
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
        (status(500, ""), 6, "suspect"),
        (status(502, ""), 6, "suspect"),
        (status(503, ""), 6, "give up"),
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

/// What servers say of a picture that they, or the model, can't take.
const NO_PICTURES: [(u16, &str); 9] = [
    (
        500,
        "image input is not supported - hint: if this is unexpected, you may need to provide the mmproj",
    ),
    (
        500,
        "Failed to create new sequence: this model is missing data required for image input",
    ),
    (404, "No endpoints found that support image input"),
    (400, "unknown variant `image_url`, expected `text`"),
    (400, "x is not a multimodal model"),
    (422, "messages[1].content: Input should be a valid string"),
    (501, "images are not implemented"),
    (415, "Unsupported content type image/png"),
    (413, "The image is too big"),
];

#[test]
fn a_picture_that_can_not_be_taken_is_called_that_however_the_refusal_is_numbered() {
    for (status_code, message) in NO_PICTURES {
        let failure = status(
            status_code,
            &json!({ "error": { "message": message } }).to_string(),
        );
        for pictures in [Pictures::Old, Pictures::New] {
            let course = Course {
                pictures,
                ..course(1)
            };
            let next = failure.next(course);
            if status_code == 413 {
                assert_eq!(kind(&next), "shorten", "what is too big is made smaller first");
                continue;
            }
            let Step::WithoutPictures(words) = next else {
                panic!("{status_code} {message}: {next:?}")
            };
            assert!(
                words.contains("`/model NAME`") && words.contains(message),
                "{words}"
            );
            assert!(
                words.contains(&format!("did not take the pictures ({status_code})")),
                "{words}"
            );
        }
        let without = failure.next(course(1));
        assert_ne!(kind(&without), "without pictures", "{status_code} {message}");
    }
    // These are not about the pictures, whatever they say.
    for (status_code, message) in [
        (429, "too many image requests"),
        (402, "images cost more"),
        (503, "the image service is busy"),
    ] {
        let course = Course {
            pictures: Pictures::New,
            ..course(1)
        };
        let next = status(status_code, message).next(course);
        assert_ne!(kind(&next), "without pictures", "{status_code} {message}");
    }
    // Nor is what is too long, although it tells how pictures count.
    let too_long = "The prompt is too long to fit into the model (context length 4096). For image inputs, …";
    let course = Course {
        pictures: Pictures::New,
        ..course(1)
    };
    assert_eq!(kind(&status(400, too_long).next(course)), "shorten");
}

#[test]
fn a_fault_at_each_try_is_suspected_to_come_from_the_request() {
    for (status_code, pictures, next) in [
        (500, Pictures::None, "suspect"),
        (502, Pictures::Old, "suspect"),
        (503, Pictures::Old, "give up"),
        (503, Pictures::New, "suspect"),
        (504, Pictures::New, "suspect"),
        (429, Pictures::New, "give up"),
    ] {
        let last = Course {
            pictures,
            ..course(6)
        };
        assert_eq!(
            kind(&status(status_code, "").next(last)),
            next,
            "{status_code} {pictures:?}"
        );
    }
    let last = Course {
        pictures: Pictures::New,
        ..course(6)
    };
    assert_eq!(kind(&Failure::Stream(Said::default()).next(last)), "suspect");
    assert_eq!(kind(&Failure::NoConnection("x".into()).next(last)), "give up");
}

#[test]
fn an_api_that_answered_before_and_speaks_now_is_there() {
    let replied = Course {
        has_replied: true,
        ..course(1)
    };
    for (status_code, body, next) in [
        (
            404,
            r#"{"error":{"message":"Sorry, this is unacceptable"}}"#,
            "refuse",
        ),
        (405, r#"{"detail":"no such thing"}"#, "refuse"),
        (
            400,
            r#"{"error":{"message":"tool calling went wrong in message 7"}}"#,
            "refuse",
        ),
        (404, "", "bar"),
        (404, "<html>", "bar"),
        (404, r#"{"error":{"code":"model_not_found"}}"#, "bar"),
        (302, "", "bar"),
    ] {
        assert_eq!(
            kind(&status(status_code, body).next(replied)),
            next,
            "{status_code} {body}"
        );
        assert_eq!(
            kind(&status(status_code, body).next(course(1))),
            "bar",
            "{status_code} {body}"
        );
    }
}

/// How servers say that a conversation outgrew the model.
const TOO_LONG: [(u16, &str); 14] = [
    (
        400,
        "This model's maximum context length is 8192 tokens. However, your messages resulted in 9000 tokens.",
    ),
    (
        400,
        "This model's maximum prompt length is 131072 but the request contains 140000 tokens.",
    ),
    (
        400,
        "The input token count (1200000) exceeds the maximum number of tokens allowed (1048576).",
    ),
    (
        400,
        "Invalid request: Your request exceeded model token limit: 131072",
    ),
    (400, "prompt is too long: 213000 tokens > 200000 maximum"),
    (
        400,
        "Prompt contains 40000 tokens, too large for model with 32768 maximum context length",
    ),
    (400, "Range of input length should be [1, 98304]"),
    (
        422,
        "`inputs` tokens + `max_new_tokens` must be <= 4096. Please reduce the length.",
    ),
    (
        400,
        "The number of tokens to keep from the initial prompt is greater than the context length",
    ),
    (400, "Please reduce the length of the messages or completion."),
    (400, "invalid params, context window exceeds limit"),
    (
        400,
        "the request exceeds the available context size, try increasing it",
    ),
    (500, "the request exceeds the available context size"),
    (502, "Provider returned error: input length exceeds 128000"),
];

#[test]
fn a_request_that_outgrew_its_model_is_known_by_many_words_and_guessed_by_others() {
    for (status_code, message) in TOO_LONG {
        let bare = json!({ "error": { "message": message } }).to_string();
        let raw = json!({ "error": { "message": "Provider returned error", "code": status_code,
            "metadata": { "provider_name": "X", "raw": bare } } })
        .to_string();
        for body in [bare, raw] {
            assert_eq!(
                kind(&status(status_code, &body).next(course(1))),
                "shorten",
                "{body}"
            );
        }
    }
    for (status_code, message, next) in [
        (400, "Token budget of 4000 surpassed: at most 4000", "try shorter"),
        (422, "your prompt is bigger than the limit", "try shorter"),
        (400, "planted is not allowed", "refuse"),
        (400, "temperature must be at most 2", "refuse"),
        (429, "limit of tokens per minute exceeded", "again"),
    ] {
        let step = status(status_code, message).next(course(1));
        assert_eq!(kind(&step), next, "{message}");
    }
}

#[test]
fn a_refusal_is_told_in_the_words_that_help() {
    let words = |status_code: u16, message: &str, at: &str| {
        let failure = Failure::Status {
            status: status_code,
            retry_after: None,
            is_rejection: false,
            at: at.into(),
            said: Box::new(Said::of_body(
                json!({ "error": { "message": message } }).to_string().as_bytes(),
            )),
        };
        match failure.next(course(1)) {
            Step::Bar(words) => words,
            other => panic!("{message}: {other:?}"),
        }
    };
    let chat = "models.example/v1/chat/completions";
    for (status_code, message, hint) in [
        (
            404,
            "No endpoints found that support tool use. To learn more, visit …",
            "can call tools",
        ),
        (
            404,
            "No endpoints found matching your data policy (Free model publication).",
            "settings at the provider",
        ),
        (404, "No endpoints found for acme/none.", "takes another model"),
        (500, "tools param requires --jinja flag", "`--jinja`"),
        (400, "x does not support function calling", "can call tools"),
    ] {
        let told = words(status_code, message, chat);
        assert!(told.contains(message) && told.contains(hint), "{told}");
        assert!(
            !told.contains("base_url`: ") && !told.contains("no model API"),
            "{told}"
        );
    }
    let at = |path: &str| words(404, "Not Found", &format!("models.example{path}"));
    assert!(
        at("/v1/responses").contains("`provider = \"openai-chat\"`"),
        "{}",
        at("/v1/responses")
    );
    assert!(
        !at("/v1/chat/completions").contains("provider ="),
        "{}",
        at("/v1/chat/completions")
    );
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
