//! Hostile Markdown, HTML and SVG; and floods that must not take long.

use super::*;
use crate::web::testing::effort;

fn thread() -> ThreadId {
    ThreadId::parse("web:abc").unwrap()
}

fn show(text: &str) -> String {
    render(text, &thread(), &Definitions::new()).html
}

/// Elements and attributes of a fragment, as a browser's parser would see them in it.
fn live(html: &str) -> Vec<String> {
    let mut found = vec![];
    for part in html.split('<').skip(1) {
        let (tag, _) = part.split_once('>').unwrap_or((part, ""));
        found.push(tag.to_lowercase());
    }
    found
}

/// What somebody may try.
const HOSTILE: &[&str] = &[
    "<script>alert(1)</script>",
    "<SCRIPT SRC=//evil.example/x.js></SCRIPT>",
    "<img src=x onerror=alert(1)>",
    "<svg onload=alert(1)>",
    "<svg><script>alert(1)</script></svg>",
    "<math><mtext></p><style><img src=x onerror=alert(1)></style></mtext></math>",
    "<style>*{display:none}</style>",
    "<iframe src=https://evil.example></iframe>",
    "<a href=\"javascript:alert(1)\">x</a>",
    "<form action=https://evil.example><input name=password></form>",
    "<base href=https://evil.example>",
    "<meta http-equiv=refresh content=0>",
    "[x](javascript:alert(1))",
    "[x](JaVaScRiPt:alert(1))",
    "[x](java\tscript:alert(1))",
    "[x](<java script:alert(1)>)",
    "[x](&#106;avascript:alert(1))",
    "[x](\u{1}javascript:alert(1))",
    "[x](data:text/html,<script>alert(1)</script>)",
    "[x](vbscript:msgbox)",
    "[x](file:///etc/passwd)",
    "[x](//evil.example)",
    "[x](/\\evil.example)",
    "[x](\\\\evil.example)",
    "[x](/credentials)",
    "[x](?next=javascript:alert(1))",
    "<javascript:alert(1)>",
    "<data:text/html;base64,AAAA>",
    "![x](javascript:alert(1))",
    "![x](data:image/svg+xml,<svg onload=alert(1)>)",
    "![x](https://evil.example/pixel.png)",
    "![x](//evil.example/pixel.png)",
    "![\"onerror=\"alert(1)](x\"onerror=\"alert(1))",
    "[a]: javascript:alert(1)\n\n[a]",
    "[![x](javascript:alert(1))](javascript:alert(1))",
    "[x [y](https://a.example)](javascript:alert(1))",
    "```html\" onload=\"alert(1)\n<script>\n```",
    "| <script> | <img onerror=x> |\n|---|---|\n| `<svg onload>` | [x](javascript:x) |",
    "# <img src=x onerror=alert(1)> {#id .class onclick=x}",
    "- [x] <script>alert(1)</script>",
    "https://a.example/\"onmouseover=\"alert(1)",
    "<https://a.example/\u{0}\u{202e}x>",
    "\\<script>alert(1)\\</script>",
    "&lt;script&gt;alert(1)&lt;/script&gt;",
    "<!--><img src=x onerror=alert(1)>-->",
    "<![CDATA[<script>alert(1)</script>]]>",
    "<?php echo 1 ?><div style=\"position:fixed\">",
];

#[test]
fn nothing_hostile_comes_out_alive() {
    let elements = [
        "p",
        "h3",
        "ul",
        "li",
        "pre",
        "code",
        "a",
        "table",
        "thead",
        "tbody",
        "tr",
        "th",
        "td",
        "div",
        "input",
        "br",
        "em",
        "strong",
        "blockquote",
        "img",
    ];
    for text in HOSTILE {
        let html = show(text);
        for tag in live(&html) {
            let name = tag
                .trim_start_matches('/')
                .split_whitespace()
                .next()
                .unwrap_or_default();
            assert!(elements.contains(&name), "{text:?} made <{tag}> of {html}");
            let attributes = &tag[name.len().min(tag.len())..];
            for bad in [
                "javascript:",
                "data:",
                "vbscript:",
                "file:",
                "style=",
                "srcdoc",
                "\"//",
            ] {
                let unquoted = tag.starts_with("a href=\"https://a.example");
                assert!(
                    !attributes.contains(bad) || unquoted,
                    "{text:?} kept {bad} in {html}"
                );
            }
            // No handler: none of the attributes that stand outside of quotes begins with `on`.
            let outside = attributes.split('"').step_by(2).collect::<String>();
            assert!(
                !outside.split_whitespace().any(|word| word.starts_with("on")),
                "{text:?}: {html}"
            );
            if name == "img" {
                assert!(
                    tag.contains("src=\"/t/abc/files/") || !tag.contains("src="),
                    "{text:?}: {html}"
                );
            }
        }
    }
}

#[test]
fn raw_html_is_shown_as_what_it_is() {
    assert_eq!(show("a <b>c</b>"), "<p>a &lt;b&gt;c&lt;/b&gt;</p>\n");
    assert!(show("<div>\nx\n</div>").contains("&lt;div&gt;"));
    assert!(show("one<br>two").contains("<br>"));
}

#[test]
fn links_to_the_web_open_outside_and_tell_nothing() {
    let html =
        show("[docs](https://example.org/a?b=c&d) and https://example.org/x_(y). Mail <me@example.org>.");
    assert!(
        html.contains("href=\"https://example.org/a?b=c&amp;d\""),
        "{html}"
    );
    assert!(html.contains("href=\"https://example.org/x_(y)\""), "{html}");
    assert!(html.contains("href=\"mailto:me@example.org\""), "{html}");
    assert_eq!(
        html.matches("rel=\"noopener noreferrer nofollow\"").count(),
        3,
        "{html}"
    );
    assert_eq!(html.matches("target=\"_blank\"").count(), 3, "{html}");
}

#[test]
fn relative_links_and_images_are_files_of_the_threads_workspace() {
    let html =
        show("![plot](out/my%20plot.png) [notes](./notes.txt) [up](../../etc/passwd) ![x](%2e%2e/%2e%2e/a)");
    assert!(html.contains("src=\"/t/abc/files/out/my%20plot.png\""), "{html}");
    assert!(html.contains("href=\"/t/abc/files/notes.txt\""), "{html}");
    assert!(html.contains("href=\"/t/abc/files/etc/passwd\""), "{html}");
    assert!(!html.contains("/files/a\""), "{html}");
    assert!(!html.contains(".."), "{html}");
}

#[test]
fn a_whole_address_of_a_file_is_made_anew() {
    let html = show("[a](/t/abc/files/out/./my%20plot:1.png) [b](/t/abc/files/a%2Fb)");
    assert!(
        html.contains("href=\"/t/abc/files/out/my%20plot%3A1.png\""),
        "{html}"
    );
    assert!(html.contains("href=\"/t/abc/files/a/b\""), "{html}");
    for refused in [
        "/t/abc/files/a?b",
        "/t/abc/files/a?../../stop",
        "/t/abc/files/%2e%2E/%2e%2e/stop",
        "/t/abc/files/../stop",
        "/t/abc/files/a\\..\\b",
        "/t/abc/files/",
        "/t/abc/stop",
        "/t/other/files/a",
        "out/%2e./a",
        "a?b",
    ] {
        let html = show(&format!("[x](<{refused}>)"));
        assert!(!html.contains("href"), "{refused}: {html}");
    }
}

#[test]
fn a_picture_from_elsewhere_is_a_link_and_is_not_fetched() {
    let html = show("![a cat](https://example.org/cat.png)");
    assert!(
        html.contains("<a href=\"https://example.org/cat.png\"") && !html.contains("<img"),
        "{html}"
    );
}

#[test]
fn tables_lists_and_tasks_come_out() {
    let html = show("| a | b |\n|---|---|\n| 1 | ~~2~~ |\n\n- [x] done\n- [ ] to do\n\n3. three");
    assert!(
        html.contains("<div class=\"scroll\" tabindex=\"0\"><table>"),
        "{html}"
    );
    assert!(
        html.contains("<del>2</del>") && html.contains("<ol start=\"3\" dir=\"auto\">"),
        "{html}"
    );
    assert_eq!(html.matches("type=\"checkbox\"").count(), 2, "{html}");
    assert_eq!(html.matches("checked=\"\"").count(), 1, "{html}");
    for name in ["Done", "To do"] {
        assert!(html.contains(&format!("aria-label=\"{name}\"")), "{html}");
    }
}

#[test]
fn columns_are_aligned_as_they_were_asked_to_be() {
    let html =
        show("| a | b | c | d |\n|:--|:-:|--:|---|\n| 1 | 2 | 3 | `<td style=\"text-align: right\">` |");
    for cell in [
        "<th align=\"left\">a</th>",
        "<td align=\"center\">2</td>",
        "<td align=\"right\">3</td>",
    ] {
        assert!(html.contains(cell), "{cell}: {html}");
    }
    assert!(
        html.contains("&lt;td style=\"text-align: right\"&gt;</code>"),
        "{html}"
    );
}

#[test]
fn bidi_and_invisible_characters_are_gone() {
    let html = show("pay \u{202e}evil\u{202c} `a\u{200b}b` \u{1b}[31mred\u{7}");
    assert!(
        !html.contains(['\u{202e}', '\u{202c}', '\u{200b}', '\u{1b}', '\u{7}']),
        "{html}"
    );
}

#[test]
fn depth_is_bounded_for_browsers() {
    for nest in ["> ", "- ", "* 1. ", "**a _", "[", "![", "<div>"] {
        let html = show(&nest.repeat(2000));
        let (mut depth, mut most) = (0_i32, 0);
        for tag in live(&html) {
            let void = ["br", "hr", "img", "input"]
                .iter()
                .any(|name| tag.starts_with(name));
            depth += if tag.starts_with('/') {
                -1
            } else {
                i32::from(!void)
            };
            most = most.max(depth);
        }
        assert!(
            most <= 2 * i32::try_from(DEEPEST).unwrap(),
            "{nest:?}: {most} deep"
        );
    }
}

/// A megabyte of `kinds` each. The bound is for a debug build: linear is a second or two, quadratic would be minutes.
fn flood(kinds: &[&str]) {
    for kind in kinds {
        let text = kind.repeat(1_000_000 / kind.len());
        let (patch, took) = effort(|| super::super::TextStream::new(&thread()).update(&text));
        let out = patch.append.len() + patch.tail.len();
        assert!(took.as_secs() < 30, "{kind:?} took {took:?}");
        assert!(out < 8_000_000, "{kind:?} became {out} bytes");
    }
}

#[test]
fn a_megabyte_of_brackets_takes_linear_time() {
    flood(&[
        "[",
        "]",
        "![",
        "[a](",
        "[](",
        "[a]: b\n",
        "[a]\n\n",
        "[^a]",
        "http://",
        "https://a.b/(",
        "a@b.c ",
    ]);
}

#[test]
fn a_megabyte_of_emphasis_takes_linear_time() {
    flood(&[
        "*", "**", "_", "*_", "*a _b ", "~", "~~", "`", "`a``", "\\", "$", "{",
    ]);
}

#[test]
fn a_megabyte_of_markup_takes_linear_time() {
    flood(&["<", "<a href=", "<!--", "<![CDATA[", "<?", "<br>", "&lt;"]);
}

#[test]
fn a_megabyte_of_blocks_takes_linear_time() {
    flood(&[
        ">", "> ", "#", "# ", "-", "- ", "1. ", "- a\n\n", "|", "|-", "a|", ":---|", "```\n", "\n", " \n",
        "\t",
    ]);
}

#[test]
fn a_megabyte_of_odd_characters_takes_linear_time() {
    flood(&[
        "\u{200b}",
        "\u{301}",
        "\u{202e}",
        "\u{200d}",
        "é",
        "👩\u{200d}",
        "\0",
        "\r",
    ]);
}

#[test]
fn ampersands_cost_no_more_than_their_block() {
    // Quadratic below us (see `LONGEST_BLOCK`), so the block is what bounds it: four times the text, four times the time.
    let time = |blocks: usize| {
        let text = "&".repeat(blocks * 16 * 1024);
        effort(|| super::super::TextStream::new(&thread()).update(&text)).1
    };
    let (one, four) = (time(1), time(4));
    assert!(
        four < one * 12 + std::time::Duration::from_secs(1),
        "{one:?}, {four:?}"
    );
}

#[test]
fn the_second_fence_holds_alone() {
    for (html, passed) in [
        ("<p>a<script>alert(1)</script></p>", "<p>a</p>"),
        (
            "<img src=\"https://evil.example/x.png\" onerror=\"x\">",
            "<img loading=\"lazy\">",
        ),
        ("<img src=\"data:image/svg+xml,x\">", "<img loading=\"lazy\">"),
        (
            "<img src=\"/t/abc/files/a.png\" alt=\"a\">",
            "<img src=\"/t/abc/files/a.png\" alt=\"a\" loading=\"lazy\">",
        ),
        (
            "<div class=\"scroll card\" style=\"top:0\" id=\"main\">x</div>",
            "<div class=\"scroll\">x</div>",
        ),
        ("<button data-act=\"decide\">x</button>", "x"),
        (
            "<input type=\"text\" name=\"q\"><form><svg><a xlink:href=\"javascript:x\"></a></svg></form>",
            "",
        ),
    ] {
        let clean = fence::clean(html.to_owned());
        let links = clean
            .replace(" target=\"_blank\"", "")
            .replace(" rel=\"noopener noreferrer nofollow\"", "");
        let rest = links.replace("<input>", "").replace("<a></a>", "");
        assert_eq!(rest, passed, "{html}");
    }
    for address in [
        "javascript:alert(1)",
        "//evil.example",
        "/credentials",
        "data:text/html,x",
        "t/abc",
        "\\\\evil.example",
    ] {
        let clean = fence::clean(format!("<a href=\"{address}\">x</a>"));
        assert!(!clean.contains("href"), "{clean}");
    }
}
