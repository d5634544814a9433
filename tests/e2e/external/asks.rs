//! What an agent of somebody else asks people, and what it is answered.

use super::Talk;

#[tokio::test]
async fn a_permission_with_odd_options_never_becomes_more_than_was_said() {
    let talk = Talk::new(&[], "").await;
    for (options, answer, chosen) in [
        ("yes=allow_once no=reject_once", "once", "yes"),
        ("yes=allow_once no=reject_once", "deny", "no"),
        ("no=reject_always ever=allow_always one=allow_once", "once", "one"),
        (
            "no=reject_always ever=allow_always one=allow_once",
            "always",
            "ever",
        ),
        ("no=reject_always ever=allow_always one=allow_once", "deny", "no"),
        ("yes=allow_once", "deny", "cancelled"),
        // Just once can't be said to it; the question stays open for another answer.
        ("ever=allow_always no=reject_once", "once", "ever"),
        ("a=allow_once b=allow_once no=reject_once", "once", "a"),
    ] {
        let thread = talk.person.open(&format!("ask: {options}\nsay: went on")).await;
        let request = talk.request(&thread).await;
        let (is_done, said) = talk.decide(&thread, &request, answer).await;
        if answer == "once" && !options.contains("allow_once") {
            assert!(said.contains("does not offer this answer"), "{said}");
            let (is_done, said) = talk.decide(&thread, &request, "always").await;
            assert!(is_done, "{said}");
        } else {
            assert!(is_done, "{said}");
        }
        talk.settled(&thread).await;
        let answers = talk.answers(&thread).await;
        assert!(
            answers.contains(&format!("chosen={chosen};")) && answers.contains("went on"),
            "{options} {answer}: {answers}"
        );
    }
}

#[tokio::test]
async fn answers_of_a_kind_that_nobody_knows_are_told_and_never_chosen() {
    let talk = Talk::new(&[], "").await;
    // Nothing else is offered: nobody is asked, nothing is allowed, and the turn goes on.
    let thread = talk.open("ask: tuesdays=allow_on_tuesdays\nsay: went on").await;
    let answers = talk.answers(&thread).await;
    assert!(
        answers.contains("chosen=cancelled;") && answers.contains("went on"),
        "{answers}"
    );
    let notes = talk.notes(&thread).await;
    for words in ["do it", "told no", "“tuesdays”"] {
        assert!(notes[0].1.contains(words), "{words}: {notes:?}");
    }
    // Something else is, too: that can be chosen.
    let thread = talk
        .person
        .open("ask: yes=allow_once tuesdays=allow_on_tuesdays\nsay: went on")
        .await;
    let request = talk.request(&thread).await;
    let notes = talk.notes(&thread).await;
    assert!(notes[0].1.contains("does not understand “tuesdays”"), "{notes:?}");
    let (is_done, said) = talk.decide(&thread, &request, "once").await;
    assert!(is_done, "{said}");
    talk.settled(&thread).await;
    let answers = talk.answers(&thread).await;
    assert!(answers.contains("chosen=yes;"), "{answers}");
}
