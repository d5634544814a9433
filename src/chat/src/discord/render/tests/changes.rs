//! Changes to files that people are asked about.

use super::*;

#[test]
fn of_a_change_in_a_long_file_the_change_is_shown_also_where_nothing_can_be_attached() {
    for lines in [3, 400, 4000, 100_000] {
        let old = numbered(lines, |line| format!("line {line} of it\n"));
        let new = old.replace("line 1 of it\n", "line one of it\n");
        let change = "-line 1 of it\n+line one of it\n line 2 of it\n";
        for look in [look(), without_files()] {
            let items = [item(1, changes(Some(&old), &new, ""))];
            let shown = messages(&items, &Progress::Running, &look);
            let [card] = &shown[..] else {
                panic!("{lines}: {} messages", shown.len());
            };
            let content = &card.content;
            assert!(content.contains(&format!(" line 0 of it\n{change}")), "{content}");
            assert!(
                !content.contains("-line 0") && !content.contains("line 9"),
                "{content}"
            );
            assert!(!content.contains("only the beginning"), "{content}");
            assert!(card.files.is_empty() && card.buttons.iter().any(Button::allows));
        }
    }
}

#[test]
fn a_long_change_is_whole_in_a_file_that_is_called_a_change_and_what_is_said_beside_it_is_shown_too() {
    let new = numbered(400, |line| format!("line {line} of it\n"));
    let card = one(changes(None, &new, ""));
    let whole = "--- /dev/null\n+++ big.txt\n@@ -0,0 +1,400 @@\n".to_owned()
        + &numbered(400, |line| format!("+line {line} of it\n"));
    assert_eq!(card.files, [OutFile::text("changes.diff", whole)]);
    assert!(
        card.content
            .contains("only the beginning.** All of it is in `changes.diff`:"),
        "{}",
        card.content
    );
    let long = "why it asks. ".repeat(80);
    let card = one(changes(Some("a\n"), "b\n", &long));
    assert!(
        card.content.contains("\n-a\n+b\n```") && card.content.contains("in `request.txt`:"),
        "{}",
        card.content
    );
    assert_eq!(card.files, [OutFile::text("request.txt", long.as_str())]);
    let card = one(changes(Some("a\n"), &new, &long));
    let names: Vec<_> = card.files.iter().map(|file| file.name.as_str()).collect();
    assert_eq!(names, ["request.txt", "changes.diff"]);
    assert!(
        card.content.contains("in `request.txt` and `changes.diff`:"),
        "{}",
        card.content
    );
    let ticks = "`".repeat(3000);
    assert!(units(&one(changes(Some(&ticks), &ticks.repeat(2), &ticks)).content) <= LONGEST_MESSAGE);
    let hides = one(changes(Some("a\n"), "a\u{200b}\n", ""));
    assert!(
        hides.content.contains("+a⟨U+200B⟩\n") && hides.content.contains("Look twice"),
        "{}",
        hides.content
    );
}
