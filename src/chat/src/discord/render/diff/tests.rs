//! What is shown of a change is the change: whoever has the old text and reads it has the new one.

use proptest::prelude::*;

use super::*;

fn change(old: Option<&str>, new: &str) -> Diff {
    Diff {
        path: "a".into(),
        old: old.map(str::to_owned),
        new: new.into(),
        ..Diff::default()
    }
}

/// What was written out, as it was.
fn raw(line: &str) -> String {
    let mut parts = line.split("⟨U+");
    let mut out = parts.next().unwrap().to_owned();
    for part in parts {
        let (number, rest) = part.split_once('⟩').unwrap();
        out.push(char::from_u32(u32::from_str_radix(number, 16).unwrap()).unwrap());
        out.push_str(rest);
    }
    out
}

/// What stands in `-a,b` or `+a,b`: the first line, from 0, and how many.
fn place(words: &str) -> (usize, usize) {
    let (begin, count) = words[1..].split_once(',').unwrap_or((&words[1..], "1"));
    let (begin, count): (usize, usize) = (begin.parse().unwrap(), count.parse().unwrap());
    (if count == 0 { begin } else { begin - 1 }, count)
}

/// The new text, of the old one and what is shown of one change.
fn applied(old: &str, shown: &str) -> String {
    let old: Vec<&str> = old.split_inclusive('\n').collect();
    let is_windows = old.iter().any(|line| line.ends_with('\n'))
        && old
            .iter()
            .all(|line| !line.ends_with('\n') || line.ends_with("\r\n"))
        && !shown.lines().any(|line| line.ends_with("⟨U+000D⟩"));
    let end = if is_windows { "\r\n" } else { "\n" };
    let mut lines = shown.lines().peekable();
    assert!(lines.next().unwrap().starts_with("--- "));
    assert!(lines.next().unwrap().starts_with("+++ "));
    let (mut new, mut at) = (String::new(), 0);
    while let Some(line) = lines.next() {
        let Some(header) = line.strip_prefix("@@ ") else {
            assert!(["(no change)", "(an empty file)"].contains(&line), "{line}");
            continue;
        };
        let words: Vec<&str> = header.split(' ').collect();
        let ((begin, mut removed), (to, mut added)) = (place(words[0]), place(words[1]));
        new.extend(old[at..begin].iter().copied());
        at = begin;
        assert_eq!(new.split_inclusive('\n').count(), to, "{shown}");
        while removed + added > 0 {
            let line = lines.next().unwrap();
            let is_endless = lines.next_if(|next| next.starts_with('\\')).is_some();
            let whole = raw(&line[1..]) + if is_endless { "" } else { end };
            if !line.starts_with('+') {
                assert_eq!(old[at], whole, "{shown}");
                at += 1;
                removed -= 1;
            }
            if !line.starts_with('-') {
                new.push_str(&whole);
                added -= 1;
            }
        }
    }
    new.extend(old[at..].iter().copied());
    new
}

/// Lines that are often the same, also long ones, such as look like lines of a diff, and such as hide something.
fn line() -> impl Strategy<Value = String> {
    prop_oneof![
        6 => "[abc]{0,1}",
        1 => Just("x".repeat(4000)),
        1 => Just("x".repeat(3999) + "y"),
        1 => "(\\+\\+\\+|---|@@) [ab]",
        1 => "\\\\ No newline at end of file",
        2 => "[a \u{202e}\u{2066}\u{200b}\u{200d}\u{feff}\u{2028}\u{85}]{1,3}",
        1 => "a\rb",
    ]
}

fn text() -> impl Strategy<Value = String> {
    let ends = prop_oneof![4 => Just("\n\n"), 2 => Just("\r\n\r\n"), 1 => Just("\n\r\n")];
    let lines = proptest::collection::vec(line(), 0..24);
    (lines, ends, any::<bool>()).prop_map(|(lines, ends, is_ended)| {
        // The second half of its lines may end otherwise than the first.
        let ends = [&ends[..ends.len() / 2], &ends[ends.len() / 2..]].map(|end| match end {
            "\n" => "\n",
            _ => "\r\n",
        });
        let mut text = String::new();
        for (number, line) in lines.iter().enumerate() {
            let is_last = number + 1 == lines.len();
            let end = ends[usize::from(2 * number > lines.len())];
            text.push_str(line);
            text.push_str(if is_last && !is_ended { "" } else { end });
        }
        text
    })
}

proptest! {
    #[test]
    fn what_is_shown_of_a_change_makes_the_new_text_of_the_old_one(
        old in proptest::option::weighted(0.9, text()),
        new in text(),
        (before, after) in (text(), text()),
    ) {
        let old = old.map(|old| [&before, "\n", &old, "\n", &after].concat());
        let new = if old.is_some() { [&before, "\n", &new, "\n", &after].concat() } else { new };
        for (old, new) in [(old.as_deref(), &*new), (old.as_deref(), ""), (Some(""), &*new)] {
            let shown = unified(&[change(old, new)]);
            prop_assert_eq!(applied(old.unwrap_or_default(), &shown), new, "{}", shown);
        }
        let both = [change(old.as_deref(), &new), change(None, &before)];
        let each: String = both.iter().map(|one| unified(std::slice::from_ref(one))).collect();
        prop_assert_eq!(unified(&both), each);
    }
}

#[test]
fn lines_that_look_alike_and_are_not_the_same_are_shown_as_changed() {
    let floods = ["\u{301}".repeat(20), "\u{301}".repeat(21)].map(|marks| format!("e{marks}\n"));
    for (old, new) in [
        ("⟨U+202E⟩\n", "\u{202e}\n"),
        ("a\r\n", "a\n"),
        ("a", "a\n"),
        (&floods[0], &floods[1]),
    ] {
        let shown = unified(&[change(Some(old), new)]);
        assert!(shown.contains("\n-") && shown.contains("\n+"), "{shown}");
        assert!(!shown.contains(['\u{202e}', '\r']));
    }
}

#[test]
fn a_file_that_is_made_emptied_or_named_to_deceive_is_shown_as_that() {
    assert_eq!(
        unified(&[change(None, "")]),
        "--- /dev/null\n+++ a\n(an empty file)\n"
    );
    assert_eq!(
        unified(&[change(None, "x")]),
        "--- /dev/null\n+++ a\n@@ -0,0 +1 @@\n+x\n\\ No newline at end of file\n"
    );
    assert_eq!(
        unified(&[change(Some("x\ny\n"), "")]),
        "--- a\n+++ a\n@@ -1,2 +0,0 @@\n-x\n-y\n"
    );
    let path = "a\n@@ -1 +1 @@\n+nice".to_owned();
    let shown = unified(&[Diff {
        path,
        ..change(None, "bad\n")
    }]);
    assert_eq!(shown.lines().count(), 4, "{shown}");
}

#[test]
fn of_a_large_file_that_is_shown_which_differs() {
    let numbered = |name: &str| -> String {
        (0..100_000)
            .map(|line| [name, " ", &line.to_string(), "\n"].concat())
            .collect()
    };
    let old = numbered("line");
    let new = old.replace("line 70000\n", "line seventy\n");
    let diffs = [change(Some(&old), &new)];
    let shown = unified(&diffs);
    assert!(
        shown.contains("@@ -69998,7 +69998,7 @@\n") && shown.contains("\n-line 70000\n+line seventy\n"),
        "{shown:.200}"
    );
    assert_eq!(shown.lines().count(), 11);
    assert_eq!(count(&diffs).unwrap(), "+1 −1");
    // What is rewritten is still told line by line.
    let shown = unified(&[change(Some(&old), &numbered("other"))]);
    let signed = |sign| {
        shown
            .lines()
            .skip(3)
            .filter(|line| line.starts_with(sign))
            .count()
    };
    assert_eq!((signed('-'), signed('+')), (100_000, 100_000));
}

#[test]
fn the_lines_of_a_change_are_counted_where_equal_ones_stand_between_what_goes_and_what_comes() {
    let (old, new) = ("\n\r\n\n", "\n\n\n");
    let shown = unified(&[change(Some(old), new)]);
    assert!(shown.contains("@@ -1,3 +1,3 @@"), "{shown}");
    assert_eq!(applied(old, &shown), new);
}
