//! In whichever pieces a text comes, the page ends up the same.

use proptest::prelude::*;

use super::*;

fn thread() -> ThreadId {
    ThreadId::parse("web:abc").unwrap()
}

fn whole(text: &str) -> String {
    let patch = TextStream::new(&thread()).update(text);
    patch.append + &patch.tail
}

/// What the page's script does with patches.
#[derive(Default)]
struct Page {
    stable: String,
    count: u64,
    tail: String,
}

impl Page {
    fn apply(&mut self, patch: Patch) {
        if patch.from == 0 {
            self.stable.clear();
        } else {
            assert_eq!(patch.from, self.count, "a patch that does not fit");
        }
        self.stable += &patch.append;
        self.count = patch.to;
        self.tail = patch.tail;
    }

    fn all(&self) -> String {
        format!("{}{}", self.stable, self.tail)
    }
}

const KINDS: &str = "# Title\n\nWords with **bold** and `code`.\nMore words\n- a\n- b\n\n  inside b\n\n- c\n\nAfter.\n\n1. one\n\
    2. two\n\n```sh\nls -la\n\n# no heading\n```\nNext\n| a | b |\n|---|---|\n| 1 | 2 |\n\n> quote\n> more\n\n    code\n\n    \
    code\n\nSee [docs] and [x](notes.txt).\n\n[docs]: https://example.org/docs\nUnder\n---\nend\n~~~\nopen code\n\n- still";

#[test]
fn every_cut_of_a_text_with_everything_ends_the_same() {
    let expected = whole(KINDS);
    for cut in 0..=KINDS.len() {
        let mut stream = TextStream::new(&thread());
        let mut page = Page::default();
        page.apply(stream.update(&KINDS[..cut]));
        page.apply(stream.update(KINDS));
        assert_eq!(page.all(), expected, "cut at {cut}: {:?}", &KINDS[..cut]);
    }
    let mut stream = TextStream::new(&thread());
    let mut page = Page::default();
    for end in 1..=KINDS.len() {
        page.apply(stream.update(&KINDS[..end]));
        assert_eq!(page.all(), whole(&KINDS[..end]), "{:?}", &KINDS[..end]);
    }
}

#[test]
fn cutting_into_blocks_changes_nothing_that_a_whole_parse_would_show() {
    let (text, _) = KINDS.split_once("See [docs]").unwrap();
    let once = markdown::render(text, &thread(), &Definitions::new()).html;
    assert_eq!(whole(text).replace('\n', ""), once.replace('\n', ""));
}

#[test]
fn finished_blocks_are_sent_once() {
    let mut stream = TextStream::new(&thread());
    let mut text = String::new();
    let mut sent = 0;
    for paragraph in 0..500 {
        use std::fmt::Write as _;
        write!(text, "paragraph {paragraph} with some words\n\n").unwrap();
        let patch = stream.update(&text);
        sent += patch.append.len() + patch.tail.len();
    }
    assert!(sent < text.len() * 4, "{sent} bytes for a text of {}", text.len());
}

#[test]
fn a_definition_reaches_back_to_where_it_was_used() {
    let mut stream = TextStream::new(&thread());
    let mut page = Page::default();
    page.apply(stream.update("see [docs]\n\nmore\n\n"));
    assert!(!page.all().contains("href"));
    page.apply(stream.update("see [docs]\n\nmore\n\n[Docs]: https://example.org/\n"));
    assert!(
        page.all().contains("href=\"https://example.org/\""),
        "{}",
        page.all()
    );
}

#[test]
fn a_lone_dash_under_words_does_not_flash_as_a_heading() {
    assert!(!whole("Here:\n-").contains("<h"));
    assert!(whole("Here:\n-").contains('-'));
    assert!(whole("Here:\n- a").contains("<ul dir="));
    assert!(whole("Here:\n---\n").contains("<h4>"));
}

#[test]
fn another_text_starts_anew() {
    let mut stream = TextStream::new(&thread());
    stream.update("one\n\ntwo\n\nthree");
    let patch = stream.update("other\n\nwords");
    assert_eq!(patch.from, 0);
    assert_eq!(patch.append + &patch.tail, whole("other\n\nwords"));
    let patch = stream.update("o");
    assert_eq!((patch.from, patch.append.as_str()), (0, ""));
}

#[test]
fn a_code_block_without_end_is_cut_and_stays_code() {
    let text = format!("```\n{}", "let x = \"# no heading\";\n\n".repeat(10_000));
    let html = whole(&text);
    assert!(
        !html.contains("<p>") && !html.contains("<h"),
        "left the code block"
    );
    assert_eq!(html.matches("let x").count(), 10_000);
}

#[test]
fn the_open_end_stays_small_whatever_comes() {
    for piece in [
        "x",
        "word ",
        "- item\n",
        "> q\n",
        "`",
        "é",
        "| a ",
        "    code\n",
        "[",
        "**",
    ] {
        let text = piece.repeat(400_000 / piece.len());
        let mut stream = TextStream::new(&thread());
        stream.update(&text);
        assert!(stream.tail <= 48 * 1024, "{piece:?}: {} bytes open", stream.tail);
    }
}

fn pieces() -> impl Strategy<Value = Vec<String>> {
    let atom = prop_oneof![
        Just("\n".to_owned()),
        Just("\n\n".to_owned()),
        Just("```".to_owned()),
        Just("~~~\n".to_owned()),
        Just("- ".to_owned()),
        Just("1. ".to_owned()),
        Just("# ".to_owned()),
        Just("> ".to_owned()),
        Just("    ".to_owned()),
        Just("---".to_owned()),
        Just("| a | b |\n|---|---|\n".to_owned()),
        Just("[a]".to_owned()),
        Just("[a]: https://a.example/\n".to_owned()),
        Just("<div>".to_owned()),
        Just("<!-- ".to_owned()),
        Just("**".to_owned()),
        Just("\r\n".to_owned()),
        Just("é\u{202e}👩\u{200d}💻".to_owned()),
        "[a-z ]{1,12}",
        ".{0,6}",
    ];
    proptest::collection::vec(atom, 0..40)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn pieces_make_no_difference(pieces in pieces()) {
        let mut stream = TextStream::new(&thread());
        let mut page = Page::default();
        let mut text = String::new();
        for piece in pieces {
            text.push_str(&piece);
            let before = (page.stable.clone(), page.count);
            let patch = stream.update(&text);
            let anew = patch.from == 0;
            page.apply(patch);
            prop_assert!(anew || page.stable.starts_with(&before.0), "a stable part changed");
            prop_assert_eq!(page.all(), whole(&text), "after {:?}", text);
            prop_assert_eq!(page.count, TextStream::new(&thread()).update(&text).to);
        }
    }
}
