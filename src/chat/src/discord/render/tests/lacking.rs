//! What can't be attached, or is not taken: nothing of it is allowed unseen.

use super::*;

/// A request to write so much into a file.
fn writes(lines: usize, decision: Option<Decision>) -> Body {
    let mut body = permission("", decision);
    if let Body::Permission { diffs, .. } = &mut body {
        diffs.push(Diff {
            path: "out.txt".into(),
            old: None,
            new: numbered(lines, |line| format!("line {line} of it\n")),
            ..Diff::default()
        });
    }
    body
}

#[test]
fn where_nothing_can_be_attached_all_that_would_be_done_stands_before_the_card() {
    for lines in [100, 400] {
        let shown = messages(
            &[item(1, writes(lines, None))],
            &Progress::Running,
            &without_files(),
        );
        let (card, before) = shown.split_last().unwrap();
        assert!(shown.iter().all(|message| message.files.is_empty()));
        let text = before
            .iter()
            .map(|message| message.content.as_str())
            .collect::<Vec<_>>()
            .join("\n");
        for line in 0..lines {
            assert!(text.contains(&format!("+line {line} of it\n")), "{line}: {text}");
        }
        assert!(
            card.content.contains("stands above") && card.content.contains("Attach Files"),
            "{}",
            card.content
        );
        assert!(card.buttons.iter().any(Button::allows));
        let by = "Ann".to_owned();
        let over = messages(
            &[item(1, writes(lines, Some(Decision::Once { by })))],
            &Progress::Running,
            &without_files(),
        );
        assert_eq!(
            over[..over.len() - 1],
            *before,
            "what was read stays, and the line below it"
        );
        assert_eq!(over.last().unwrap().key, card.key);
    }
    let long = "x".repeat(3000);
    let shown = messages(
        &[item(1, permission(&long, None))],
        &Progress::Running,
        &without_files(),
    );
    let xs = |message: &DesiredMessage| message.content.matches('x').count();
    assert!(shown[..shown.len() - 1].iter().map(xs).sum::<usize>() >= 3000);
}

#[test]
fn nothing_is_allowed_that_can_not_be_shown() {
    let shown = messages(
        &[item(1, writes(4000, None))],
        &Progress::Running,
        &without_files(),
    );
    let card = shown.last().unwrap();
    assert!(card.content.contains("can't be allowed here"), "{}", card.content);
    assert!(
        card.content.contains("deny it") && !card.content.contains("page"),
        "nothing is decided for Discord elsewhere: {}",
        card.content
    );
    let labels: Vec<&str> = card.buttons.iter().map(|button| button.label.as_str()).collect();
    assert_eq!(labels, ["No"]);
}

#[test]
fn nothing_is_allowed_of_which_discord_does_not_take_a_part() {
    let refused = |id: i64| Look {
        unsaid: BTreeSet::from([ItemId(id)]),
        ..without_files()
    };
    let card = |look: &Look| {
        let items = [item(1, writes(100, None))];
        messages(&items, &Progress::Running, look).pop().unwrap()
    };
    let allows = |card: &DesiredMessage| card.buttons.iter().any(Button::allows);
    assert!(allows(&card(&refused(2))), "another one");
    let card = card(&refused(1));
    assert!(!allows(&card) && !card.buttons.is_empty(), "{card:?}");
    assert!(
        card.content.contains("Not all of it stands above"),
        "{}",
        card.content
    );
}

#[test]
fn a_card_whose_words_discord_does_not_take_says_so_and_can_only_be_denied_and_neither_does_its_line_have_them()
 {
    let request = |decision| item(1, permission("echo https://harmful.example", decision));
    let asked = request(None);
    let look = Look {
        unshown: BTreeSet::from([Key::of(&asked)]),
        ..look()
    };
    let shown = |item: Item| messages(&[item], &Progress::Running, &look);
    let card = shown(asked).pop().unwrap();
    assert!(card.content.contains("can't be allowed"), "{}", card.content);
    assert!(
        !card.buttons.is_empty() && !card.buttons.iter().any(Button::allows),
        "{card:?}"
    );
    let by = "Ann".to_owned();
    let line = shown(request(Some(Decision::Denied { by, reason: None })))
        .pop()
        .unwrap();
    assert_eq!(line.content, "❌ Denied by Ann: what can't be shown in Discord");
    assert!(!card.content.contains("harmful") && line.buttons.is_empty());
}

#[test]
fn where_nothing_can_be_attached_a_long_answer_has_more_messages_and_a_file_stays_where_it_is() {
    let text = numbered(6000, |word| format!("word{word} "));
    let over = Progress::Over {
        footer: Footer::default(),
    };
    let shown = messages(&[item(1, answer(&text))], &over, &without_files());
    let said = contents_of(&shown);
    assert!(
        (0..6000)
            .all(|word| said.contains(&format!("word{word} ")) || said.contains(&format!("word{word}\n")))
    );
    assert_eq!(said.matches("Attach Files").count(), 1, "it is said once");
    assert!(shown.iter().all(|message| message.files.is_empty()));
    let endless = messages(&[item(1, answer(&text.repeat(4)))], &over, &without_files());
    let last = endless.last().unwrap();
    assert!(last.content.contains("The answer goes on"), "{}", last.content);

    let file = Body::File(Attachment {
        name: "a.txt".into(),
        path: "made/a.txt".into(),
        size: 5,
        mime: "text/plain".into(),
    });
    let shown = messages(&[item(1, file)], &over, &without_files());
    let said = contents_of(&shown);
    assert!(
        said.contains("Attach Files") && said.contains("made/a.txt"),
        "{said}"
    );
    assert!(shown[0].files.is_empty());
}

fn contents_of(messages: &[DesiredMessage]) -> String {
    let contents: Vec<&str> = messages.iter().map(|message| message.content.as_str()).collect();
    contents.join("\n") + "\n"
}
