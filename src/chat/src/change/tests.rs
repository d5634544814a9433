//! What is compared, and what it costs. That nothing is left out is proved where the change is written as text.

use super::*;

fn numbered(numbers: impl Iterator<Item = usize>) -> String {
    numbers
        .map(|number| ["line ", &number.to_string(), "\n"].concat())
        .collect()
}

fn change(old: String, new: String) -> Diff {
    let path = "a".to_owned();
    let old = Some(old);
    Diff {
        path,
        old,
        new,
        ..Diff::default()
    }
}

fn counted(old: String, new: String) -> (usize, usize) {
    let Count { added, removed } = Compared::of(&change(old, new)).count();
    (added, removed)
}

#[test]
fn what_is_compared_does_not_depend_on_how_fast_that_goes() {
    let old = || numbered(0..19_000);
    // More than a slow machine compares in a moment.
    let new = numbered((0..19_000).map(|line| if line % 10 == 0 { line + 50_000 } else { line }));
    assert_eq!(counted(old(), new), (1900, 1900));
    // And more than any is asked to: only the ends that they have in common stay.
    let moved = (0..1).chain(9000..18_000).chain(1..9000).chain(18_000..19_000);
    assert_eq!(counted(old(), numbered(moved)), (17_999, 17_999));
    assert_eq!(counted(old(), old()), (0, 0));
    assert_eq!(counted(String::new(), old()), (19_000, 0));
}

#[test]
fn of_a_large_file_that_is_compared_which_differs() {
    let old = numbered(0..150_000);
    assert!(old.len() > 2 * LARGEST, "{}", old.len());
    let new = old
        .replace("line 70000\n", "line seventy\n")
        .replace("line 70002\n", "");
    let change = change(old, new);
    let compared = Compared::of(&change);
    assert_eq!(compared.count(), Count { added: 1, removed: 2 });
    assert_eq!(
        (compared.before(), compared.old.len(), compared.lines()),
        (70_000 - Diff::CONTEXT, 9, 150_000)
    );
}

#[test]
fn a_change_of_which_only_what_differs_is_kept_is_compared_as_the_whole_one() {
    let old = numbered(0..10_000);
    let new = old
        .replace("line 4000\n", "line four thousand\n")
        .replace("line 6000\n", "");
    let whole = change(old, new);
    let short = whole.shortened();
    assert!(short.size() < whole.size() / 2);
    let places = |diff: &Diff| {
        let compared = Compared::of(diff);
        let groups: Vec<_> = compared.groups().into_iter().flatten().collect();
        let changes = groups.iter().flat_map(|op| compared.changes(op));
        let texts: Vec<String> = changes.map(|change| change.value().to_owned()).collect();
        let at = groups.first().map(|op| compared.before() + op.old_range().start);
        (at, compared.count(), compared.lines(), texts)
    };
    assert_eq!(places(&short), places(&whole));
}
