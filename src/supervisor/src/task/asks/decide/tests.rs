//! What an answer to a permission request means.

use super::*;

#[test]
fn an_answer_is_what_the_agent_offers_and_is_told_in_its_words() {
    let choice = |id: &str, kind| Choice {
        id: id.into(),
        name: format!("words of {id}"),
        kind,
    };
    let offered = [
        choice("edits", ChoiceKind::AllowAlways),
        choice("all", ChoiceKind::AllowAlways),
        choice("one", ChoiceKind::AllowOnce),
        choice("never", ChoiceKind::RejectAlways),
    ];
    let decide = |offered: &[Choice], answer| verdict(offered, answer, "Alice".into());
    let option = |id: &str, reason: Option<&str>| Answer::Option {
        id: id.into(),
        reason: reason.map(str::to_owned),
    };
    let (decision, told) = decide(&offered, option("all", Some("not for the agent"))).unwrap();
    let always = |id: &str| Decision::Always {
        by: "Alice".into(),
        words: format!("words of {id}"),
    };
    let reason = None;
    assert_eq!(decision, always("all"));
    assert_eq!(
        told,
        Answer::Option {
            id: "all".into(),
            reason
        }
    );
    let (decision, told) = decide(&offered, option("never", Some("too wide"))).unwrap();
    let reason = Some("too wide".to_owned());
    let by = "Alice".to_owned();
    assert_eq!(
        decision,
        Decision::Denied {
            by,
            reason: reason.clone()
        }
    );
    assert_eq!(
        told,
        Answer::Option {
            id: "never".into(),
            reason
        }
    );
    assert_eq!(decide(&offered, Answer::Always).unwrap().0, always("edits"));
    // What is not offered is no yes.
    assert!(decide(&offered, option("root", None)).is_err());
    let by = "Alice".to_owned();
    assert_eq!(
        decide(&offered[2..], Answer::Always).unwrap().0,
        Decision::Once { by }
    );
    // Nor is anything, where nothing that allows is.
    for none in [&offered[3..], &[]] {
        assert!(decide(none, Answer::Once).is_err() && decide(none, Answer::Always).is_err());
    }
    assert!(decide(&offered[..2], Answer::Once).is_err());
}
