//! What people see of an answer, and that what they have seen stays.

use proptest::prelude::*;

use super::*;

fn parts(markdown: &str, limit: usize) -> Vec<String> {
    split_at(markdown, true, limit, 1000).parts
}

fn one(markdown: &str) -> String {
    let parts = split(markdown, true).parts;
    assert_eq!(parts.len(), 1, "{parts:?}");
    parts.into_iter().next().unwrap()
}

#[test]
fn what_discord_draws_otherwise_is_written_otherwise() {
    for (markdown, shown) in [
        ("plain words", "plain words"),
        (
            "# One\n### Three\n#### Four **bold** ####\n###### Six",
            "# One\n### Three\n**Four bold**\n**Six**",
        ),
        ("#hashtag", "#hashtag"),
        ("a\n\n\n\nb", "a\n\nb"),
        (
            "- a\n* b\n+ c\n  - d\n1) e\n12. f",
            "- a\n- b\n- c\n  - d\n1. e\n12. f",
        ),
        ("- [ ] open\n- [x] done", "- ☐ open\n- ☑ done"),
        (
            "a\n\n---\n\nb\n***",
            "a\n\n────────────────\n\nb\n────────────────",
        ),
        ("Title\n=====", "Title\n────────────────"),
        (
            "> quoted\n>> twice\n>>> print(1)",
            "> quoted\n> twice\n> print(1)",
        ),
        (
            "![a cat](https://x.example/c.png)",
            "[🖼 a cat](https://x.example/c.png)",
        ),
        ("![](out/plot.png)", "🖼 picture (`out/plot.png`)"),
        (
            "[main](src/main.rs#L3) and [below](#below)",
            "main (`src/main.rs#L3`) and below",
        ),
        ("[src/a.rs](src/a.rs)", "`src/a.rs`"),
        (
            "[docs](https://x.example/a_(b) \"title\")",
            "[docs](https://x.example/a_%28b%29)",
        ),
        (
            "[x.example](https://x.example/a)",
            "[x.example](https://x.example/a)",
        ),
        (
            "[https://bank.example](https://evil.example/)",
            "<https://evil.example/>",
        ),
        (
            "[bank.example](https://evil.example/bank.example)",
            "<https://evil.example/bank.example>",
        ),
        (
            "[![build](https://x.example/b.svg)](https://x.example)",
            "[build](https://x.example)",
        ),
        ("as said[^1]\n\n[^1]: a *note*", "as said[1]\n\n-# [1] a *note*"),
        ("one<br>two<br/>three", "one\ntwo\nthree"),
        (
            "<b>x</b> <kbd>Ctrl</kbd> <code>a*b</code> <sub>2</sub>",
            "**x** `Ctrl` `a*b` 2",
        ),
        (
            "<a href=\"https://x.example\">x</a> <img alt='p' src='https://x.example/p.png'>",
            "[x](https://x.example) [🖼 p](https://x.example/p.png)",
        ),
        ("a<!-- hidden -->b", "ab"),
        ("Vec<String> and a < b > c, <T>", "Vec<String> and a < b > c, <T>"),
        (
            "&lt;b&gt; &amp; &quot;x&quot; &#8238;y &#x41;",
            "<b> & \"x\" &#8238;y A",
        ),
        ("a || b ||", "a \\|\\| b \\|\\|"),
        ("`a` ``b`c`` ```d``` `e", "`a` `` b`c `` `d` \\`e"),
        ("say ``` to open", "say \\`\\`\\` to open"),
        ("snake_case **bold** \\*kept\\*", "snake_case **bold** \\*kept\\*"),
        ("~~~py title=x\nprint(1)\n~~~", "```py\nprint(1)\n```"),
        (
            "````md\n```\nx\n```\n````",
            "```md\n``\u{200b}`\nx\n``\u{200b}`\n```",
        ),
        (
            "- list\n  ```sh\n  ls\n    -la\n  ```",
            "- list\n```sh\nls\n  -la\n```",
        ),
        (
            "> look\n> ```sh\n> ls *\n>   -la\n> > x\n> ```\n> more",
            "> look\n```sh\nls *\n  -la\n> x\n```\n> more",
        ),
        (
            ">> ~~~\n>> a\n>>\n>> b *c*\nafter *all*",
            "```\na\n\nb *c*\n```\nafter *all*",
        ),
        ("```\n```", ""),
        ("```rust\nfn a() {}", "```rust\nfn a() {}\n```"),
        ("  \n\t\n", ""),
    ] {
        assert_eq!(split(markdown, true).parts.join("¶"), shown, "{markdown:?}");
    }
}

#[test]
fn nobody_is_called_and_nothing_deceives() {
    let nothing = "\u{200b}";
    for (markdown, shown) in [
        (
            "@everyone and @here",
            format!("@{nothing}everyone and @{nothing}here"),
        ),
        ("@<b></b>every<i></i>one", "@****everyone".to_owned()),
        ("@<span></span>every<i></i>one", format!("@{nothing}everyone")),
        (
            "\\@everyone &#64;here",
            format!("\\@{nothing}everyone @{nothing}here"),
        ),
        (
            "<@123> <@!123> <@&123> <#123> <:smile:123>",
            format!("<@{nothing}123> <@{nothing}!123> <@{nothing}&123> <#123> <:smile:123>"),
        ),
        (
            "[@everyone](https://x.example/@everyone)",
            format!("[@{nothing}everyone](https://x.example/%40everyone)"),
        ),
        ("https://x.example/@here", "https://x.example/%40here".to_owned()),
        ("`@everyone` a@b.example", "`@everyone` a@b.example".to_owned()),
        ("a\u{202e}b\u{2066}c\u{200b}\u{200b}\u{200b}d", "abcd".to_owned()),
        ("\u{1b}[31mred\u{1b}[0m", "red".to_owned()),
    ] {
        assert_eq!(one(markdown), shown, "{markdown:?}");
    }
    assert_eq!(split(&"\u{200b}".repeat(100_000), true), Split::default());
    let zalgo = one(&format!("a{}", "\u{301}".repeat(50_000)));
    assert!(zalgo.chars().count() < 10);
}

#[test]
fn narrow_tables_are_drawn_and_wide_ones_listed() {
    assert_eq!(
        one("Before\n\n| Name | Count |\n|:-----|------:|\n| `a|b` | 1 |\n| 日本 | 22 |\n\nAfter"),
        "Before\n```\nName │ Count\n─────┼──────\na    │     b\n日本 │    22\n```\nAfter"
    );
    assert_eq!(one("a | b\n--|--\n1 | **2**"), "```\na │ b\n──┼──\n1 │ 2\n```");
    assert_eq!(one("a | b\nno table"), "a | b\nno table");
    let wide = format!(
        "| Name | What |\n|---|---|\n| x | {} [l](https://x.example) |",
        "word ".repeat(30).trim()
    );
    assert!(
        one(&wide).starts_with("- **Name:** x · **What:** word"),
        "{}",
        one(&wide)
    );
    assert!(one(&wide).ends_with("[l](https://x.example)"));
}

#[test]
fn a_long_table_keeps_its_head() {
    let rows: Vec<String> = (0..200)
        .map(|at| format!("| row {at} | {} |\n", "x".repeat(20)))
        .collect();
    let rows = rows.concat();
    let parts = parts(&format!("| Name | Value |\n|---|---|\n{rows}"), 1850);
    assert!(parts.len() > 3);
    for part in &parts {
        assert!(part.starts_with("```\nName"), "{part}");
        assert!(part.ends_with("\n```"));
    }
    let all = parts.concat();
    assert!((0..200).all(|at| all.contains(&format!("row {at} "))));
}

#[test]
fn code_that_is_split_is_closed_and_opened_again_with_its_language() {
    let code: Vec<String> = (0..300)
        .map(|at| format!("    let value_{at} = {at};\n"))
        .collect();
    let code = code.concat();
    let parts = parts(&format!("Look:\n\n```rust\n{code}```\n\nDone."), 1850);
    assert!(parts.len() > 3);
    for part in &parts {
        assert_eq!(part.matches("```").count(), 2, "{part}");
    }
    assert!(parts[0].starts_with("Look:\n```rust\n    let value_0"));
    assert!(parts[1].starts_with("```rust\n    let value_"));
    assert!(parts.last().unwrap().ends_with("```\nDone."));
    let lines = parts
        .iter()
        .flat_map(|part| part.lines())
        .filter(|line| line.contains("let value_"));
    assert_eq!(lines.count(), 300);
}

#[test]
fn a_message_ends_where_a_block_or_a_sentence_does_and_never_after_a_heading() {
    let paragraph = "One sentence. ".repeat(8);
    let text = format!("{paragraph}\n\n{paragraph}\n\n## Heading\n{paragraph}");
    let parts = parts(&text, 250);
    assert!(parts.iter().all(|part| !part.ends_with("Heading")), "{parts:#?}");
    assert!(parts.iter().all(|part| part.ends_with('.')), "{parts:#?}");
    let quote = super::tests::parts(&format!("> {}", "word ".repeat(100)), 200);
    assert!(quote.iter().all(|part| part.starts_with("> word")), "{quote:#?}");
}

#[test]
fn what_belongs_together_is_never_cut() {
    let link = "[some words](https://x.example/a/long/path?with=query)";
    for whole in [
        link,
        "`code with spaces`",
        "<:party_parrot:123456789012345678>",
        ":tada:",
        "👩\u{200d}👩\u{200d}👧",
        "🇫🇷",
    ] {
        let text = format!("{whole} ").repeat(100);
        let count: usize = parts(&text, 137)
            .iter()
            .map(|part| part.matches(whole).count())
            .sum();
        assert_eq!(count, 100, "{whole}");
    }
    let unspaced = "漢字。".repeat(2000);
    let parts = parts(&unspaced, 1850);
    assert_eq!(parts.concat(), unspaced);
    assert!(parts.iter().all(|part| part.ends_with('。')));
}

#[test]
fn a_row_of_wide_blanks_parts_words_like_any_other() {
    for blank in ['\u{3000}', '\u{2003}', '\u{2009}', ' '] {
        for count in [1, 13, 14, 15, 41, 5000] {
            let text = format!("one{}two", blank.to_string().repeat(count));
            let words: Vec<String> = one(&text).split_whitespace().map(str::to_owned).collect();
            assert_eq!(words, ["one", "two"], "{count} of {blank:?}");
        }
    }
}

#[test]
fn what_shows_more_than_fits_into_a_message_is_cut_and_all_of_it_arrives() {
    let (open, close) = ("(".repeat(480), ")".repeat(480));
    let parts = split(&format!("[x](https://x.example/{open}{close}) after"), true).parts;
    assert!(parts.iter().all(|part| units(part) <= LONGEST_PART), "{parts:?}");
    let whole = parts.concat();
    assert_eq!(
        (whole.matches("%28").count(), whole.matches("%29").count()),
        (480, 480),
        "{parts:?}"
    );
    assert!(whole.ends_with("after"), "{whole}");
    let marked = "e\u{301}\u{302}\u{303}\u{304}\u{305}\u{306}".repeat(390);
    for text in [
        format!("```\n{marked}\n```"),
        marked.clone(),
        format!("# {marked}"),
    ] {
        let parts = split(&text, true).parts;
        assert!(parts.iter().all(|part| units(part) <= LONGEST_PART), "{parts:?}");
        assert_eq!(parts.concat().matches('e').count(), 390, "{parts:?}");
    }
}

#[test]
fn an_answer_that_is_too_long_says_that_there_is_more() {
    let text = "Many words stand here. ".repeat(4000);
    let split = split(&text, true);
    assert!(split.more);
    assert_eq!(split.parts.len(), MOST_PARTS);
    assert_eq!(super::split(&text, false).parts, split.parts);
}

#[test]
fn nothing_is_certain_before_its_end_is_seen() {
    let filler = "word ".repeat(70);
    for construct in [
        "[some words](https://x.example/a \"title\") more",
        "![a cat](https://x.example/c.png) more",
        "[^1] and [not a link] and [also not](",
        "`some code` ``more `code` `` `open",
        "<!-- a comment --> <https://x.example> <a href=\"https://x.example\">a b</a> <code>a b</code> x<br>y",
        "&amp; &#64;everyone &nbsp;x \\* \\",
        "https://x.example/long?path http",
        "**some bold words** and *some more* || ||",
        "<@123> <:smile:123> <t:1:R> <b >",
        &format!("字{}", "か\u{3099}".repeat(40)),
        &"👩\u{200d}👩\u{200d}👧".repeat(60),
        &"字".repeat(80),
        "\n| a | b |\n|---|---|\n| 1 | 2 |\nafter\n| c |\n| d |",
        "\n```rust\nlet a = 1;\n``\n```` \nafter\n~~~\nx",
        "\n- [ ] a\n# b\n---\n===\n> c\n",
        "\n> ```rust\n> let a = 1;\n>\n> ``\n> ```\n> b\n> ~~~\n> c\n \nd\n>> ```\n> > e\n> f\n",
    ] {
        let text = format!("{filler}{construct}");
        let whole = atoms(&text, true);
        for (end, _) in text.char_indices() {
            let certain = atoms(&text[..end], false);
            assert!(
                whole.starts_with(&certain),
                "{:?}: {:?}",
                &text[filler.len().min(end)..end],
                certain.last()
            );
        }
    }
}

#[test]
fn a_flood_is_read_once() {
    for flood in [
        "`",
        "`` ` ",
        "<a ",
        "<a href=\"x\">",
        "<!--",
        "<code>",
        "[",
        "[x](",
        "![",
        "*",
        "&",
        "||",
        "@",
        "\\",
        "https://",
        "<",
        "|",
        "~~~\n",
        "> ",
        "#",
        "a|b\n",
        "\u{301}",
        "👩\u{200d}",
        "🇫",
    ] {
        let text = flood.repeat(40_000 / flood.len());
        for finished in [true, false] {
            let parts = split(&text, finished).parts;
            assert!(parts.iter().all(|part| units(part) <= LONGEST_PART), "{flood}");
        }
    }
}

#[test]
fn what_is_not_certain_waits_where_it_does_not_fit() {
    let text = format!("{}\n{}", "word ".repeat(360).trim_end(), "x".repeat(250));
    let growing = split(&text, false).parts;
    assert_eq!(growing.len(), 1);
    assert!(units(&growing[0]) <= LONGEST_PART, "{}", units(&growing[0]));
    assert_eq!(split(&text, true).parts[0], growing[0]);
    assert!(
        split("A few word", false).parts[0].ends_with("word"),
        "what fits is shown at once"
    );
}

fn atoms(text: &str, finished: bool) -> Vec<atom::Atom> {
    let mut atoms = vec![];
    each_atom(&harmless::printed(text), finished, |atom| {
        atoms.push(atom);
        true
    });
    atoms
}

/// Markdown as models write it, and as nobody should.
fn markdown() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        8 => "[a-zA-Z ,.]{1,40}",
        // So long that a line shows what it is before it is complete.
        4 => Just("word ".repeat(61)),
        2 => Just("\n".to_owned()),
        1 => Just("\n\n".to_owned()),
        2 => "[\\*_~`|<>@#\\[\\]()!\\\\:&;\\-=+ ]{1,6}",
        1 => Just("\n```rust\n".to_owned()),
        1 => Just("\n```\n".to_owned()),
        1 => Just("\n> ```\n> x".to_owned()),
        1 => Just("\n| a | b |\n|---|---|\n".to_owned()),
        2 => "\n\\| [a-z `*]{1,12} \\| [a-z]{1,30} \\|",
        1 => Just("[words](https://x.example/path)".to_owned()),
        1 => Just("`some code`".to_owned()),
        1 => Just("@everyone".to_owned()),
        1 => Just("<@1234>".to_owned()),
        1 => Just("<b>x</b><br>".to_owned()),
        1 => "[a-z]{60,700}",
        1 => "[漢字かな。]{1,60}",
        1 => "[\u{3000}\u{2003}\u{a0}\t ]{1,40}",
        1 => "(👩\u{200d}👩\u{200d}👧|🇫🇷|❤\u{fe0f}|e\u{301}){1,9}",
        1 => "\n(#{1,6}|-|\\*|1\\.|>|- \\[ \\]|\\[\\^1\\]:) [a-z ]{1,30}",
        1 => "\u{1b}(\\[31m|\\]0;x|\\[)",
        1 => ".{0,12}",
    ];
    prop::collection::vec(piece, 0..20).prop_map(|pieces| pieces.concat())
}

/// What shows, or counts, far more letters than it seems to have.
fn swollen() -> impl Strategy<Value = String> {
    let link = |depth: usize| {
        format!(
            "[x](https://x.example/{}{})",
            "(".repeat(depth),
            ")".repeat(depth)
        )
    };
    prop_oneof![
        "[\u{3000}\u{2003}\u{a0}\t ]{1,90}",
        (1..450_usize).prop_map(link),
        "(e\u{301}\u{302}\u{303}\u{304}\u{305}\u{306}){1,400}",
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn every_message_is_short_enough_and_says_something(
        texts in prop::collection::vec(prop_oneof![markdown(), swollen()], 1..6),
        finished in any::<bool>(),
        limit in 60..=LONGEST_PART,
    ) {
        let text = texts.concat();
        for part in split_at(&text, finished, limit, 1000).parts {
            prop_assert!(units(&part) <= limit, "{} in {part:?}", units(&part));
            prop_assert!(!part.trim().is_empty());
        }
    }

    #[test]
    fn what_is_certain_of_a_text_stays_when_it_grows(text in markdown()) {
        let whole = atoms(&text, true);
        for (end, _) in text.char_indices() {
            let certain = atoms(&text[..end], false);
            prop_assert!(whole.starts_with(&certain), "{:?}: {:#?}", &text[..end], certain.last());
        }
    }

    #[test]
    fn full_messages_never_change_when_the_text_grows(text in markdown(), limit in 30..400_usize) {
        let whole = split_at(&text, true, limit, 1000).parts;
        let mut count = 0;
        for (end, _) in text.char_indices().step_by(7) {
            let now = split_at(&text[..end], false, limit, 1000).parts;
            let full = now.len().saturating_sub(1);
            prop_assert!(now.len() >= count, "a message vanished: {:?}", &text[..end]);
            prop_assert_eq!(&now[..full], &whole[..full], "{:?}", &text[..end]);
            count = full;
        }
    }

    #[test]
    fn nobody_is_called_outside_of_code(text in "([@]|<@|everyone|here|<b>|</b>|<i></i>|<span>|&#64;|\\\\|123>|[ a-z\n\\[\\]()*_]){0,60}") {
        for part in parts(&text, 1850) {
            prop_assert!(!part.contains("@everyone") && !part.contains("@here") && !part.contains("<@1"), "{part:?}");
        }
    }

    #[test]
    fn no_word_is_lost(text in "([a-z]{1,12}[ \n]){0,900}") {
        let words = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
        prop_assert_eq!(words(&parts(&text, 400).join(" ")), words(&text));
    }
}

#[test]
fn a_link_that_is_too_long_to_be_looked_at_hides_no_address() {
    let path = "a".repeat(1100);
    for link in [
        format!("[bank.example](https://evil.example/{path})"),
        format!("[bank.example {path}](https://evil.example)"),
    ] {
        let shown = parts(&link, 1900);
        assert!(shown[0].starts_with("\\[bank.example"), "{shown:?}");
    }
}

#[test]
fn a_link_with_nothing_in_it_does_not_vanish() {
    assert_eq!(one("[]()"), "\\[]()");
    assert_eq!(one("a [ ]( ) b"), "a \\[ ]( ) b");
}
