//! What changes look like, and what they cost.

use super::*;
use crate::web::testing::effort;
use crate::web::view::html::each;

fn html(diff: &Diff) -> String {
    part(diff).html.clone()
}

fn change(old: Option<&str>, new: &str) -> Diff {
    Diff {
        path: "src/main.rs".into(),
        old: old.map(str::to_owned),
        new: new.into(),
        ..Diff::default()
    }
}

#[test]
fn changed_lines_are_shown_with_context_and_the_rest_is_folded() {
    let old = each(0..40, |number| format!("line {number}\n"));
    let new = old.replace("line 20\n", "line twenty\n");
    let html = html(&change(Some(&old), &new));
    assert!(html.contains("17 unchanged lines"), "{html}");
    assert!(html.contains("16 unchanged lines"), "{html}");
    assert_eq!(html.matches("class=\"same\"").count(), 6);
    assert!(html.contains("<mark>twenty</mark>"), "{html}");
    assert_eq!(
        part(&change(Some(&old), &new)).count,
        Count { added: 1, removed: 1 }
    );
}

#[test]
fn a_new_file_is_all_additions_and_escaped() {
    let html = html(&change(None, "<script>\n\u{202e}x\n"));
    assert!(
        html.contains("new file") && html.contains("&lt;script&gt;") && html.contains("⟨U+202E⟩"),
        "{html}"
    );
    assert_eq!(html.matches("class=\"plus\"").count(), 2);
}

#[test]
fn lines_that_differ_in_nothing_that_is_seen_are_shown_as_changed() {
    for (old, new, seen) in [
        ("one\r\ntwo\r\n", "one\ntwo\n", "⟨U+000D⟩"),
        ("⟨U+202E⟩\n", "\u{202e}\n", "⟨U+202E⟩"),
        ("one\ntwo", "one\ntwo\n", ENDLESS),
    ] {
        let html = html(&change(Some(old), new));
        assert!(html.contains(seen) && !html.contains("no change"), "{html}");
        assert!(
            html.contains("class=\"plus\"") && html.contains("class=\"minus\""),
            "{html}"
        );
    }
    // Where all lines end so, it is no news.
    let html = html(&change(Some("one\r\ntwo\r\n"), "one\r\n2\r\n"));
    assert!(!html.contains("⟨U+") && !html.contains('\r') && html.contains("<td class=\"no\">2</td>"));
    assert_eq!(html.matches("class=\"same\"").count(), 1);
}

#[test]
fn what_is_to_be_approved_is_never_shortened() {
    let long = "x\n".repeat(MOST_LINES * 2);
    assert!(html(&change(None, &long)).contains("more lines"));
    assert_eq!(
        whole(&change(None, &long)).html.matches("class=\"plus\"").count(),
        MOST_LINES * 2
    );
}

/// More than any of this takes in a build for tests, and nothing beside what comparing without an end takes.
const MOST_EFFORT: Duration = Duration::from_secs(10);

#[test]
fn five_megabytes_that_were_rewritten_are_shown_whole_and_plainly_with_little_work() {
    let file = |by: usize| each(0..100_000, |number| format!("{:049}\n", number * by % 1_000_003));
    let (old, new) = (file(7919), file(104_729));
    assert!(old.len() >= 5_000_000);
    let (old_first, new_last) = ("<script>\n".to_owned() + &old, new + "the end\n");
    let rewritten = change(Some(&old_first), &new_last);
    let (drawn, took) = effort(|| whole(&rewritten));
    assert!(took < MOST_EFFORT, "{took:?}");
    for (sign, text) in [('−', &old_first), ('+', &new_last)] {
        let lines = drawn.html.lines().filter(|line| line.starts_with(sign)).count();
        assert!(lines + 1000 > text.lines().count(), "{sign}: {lines}");
    }
    assert!(drawn.html.contains("&lt;script&gt;") && drawn.html.contains("+the end"));
    assert!(
        !drawn.html.contains("<tr"),
        "a browser could not bear that many rows"
    );
    assert!(Arc::ptr_eq(&drawn, &whole(&rewritten)), "it is not drawn again");
    let (card, took) = effort(|| part(&rewritten));
    assert!(took < MOST_EFFORT, "{took:?}");
    assert_eq!(card.html.matches("<tr").count(), MOST_LINES + 1);
    assert!(card.html.len() < 1024 * 1024, "{}", card.html.len());
}

#[test]
fn one_changed_line_in_five_megabytes_is_all_that_is_drawn() {
    let old = each(0..100_000, |number| format!("{number:049}\n"));
    let new = old.replace(&format!("{:049}\n", 50_000), "changed\n");
    let drawn = whole(&change(Some(&old), &new));
    assert_eq!(drawn.count, Count { added: 1, removed: 1 });
    assert!(
        drawn.html.len() < 4096 && drawn.html.contains("changed"),
        "{}",
        drawn.html
    );
}

#[test]
fn a_line_of_a_megabyte_is_not_searched_for_words() {
    let line = |seed: usize| each(0..200_000, |number| format!("{} ", number * seed % 1009));
    let (html, took) = effort(|| html(&change(Some(&line(7)), &line(11))));
    assert!(took < MOST_EFFORT, "{took:?}");
    assert!(!html.contains("<mark>"));
}
