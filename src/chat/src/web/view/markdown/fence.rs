//! The second fence: which elements, attributes and addresses may be in HTML that is shown.

use std::borrow::Cow;
use std::sync::LazyLock;

/// What of `html` may be shown.
pub(super) fn clean(html: String) -> String {
    FENCE.clean(&aligned(html)).to_string()
}

/// The policy of the page lets no `style` through; cells are aligned by the attribute that does the same. (In words a
/// `<` is escaped, so only cells are meant.)
fn aligned(html: String) -> String {
    if !html.contains(" style=") {
        return html;
    }
    ALIGNMENTS.iter().fold(html, |html, side| {
        ["th", "td"].iter().fold(html, |html, cell| {
            html.replace(
                &format!(r#"<{cell} style="text-align: {side}">"#),
                &format!(r#"<{cell} align="{side}">"#),
            )
        })
    })
}

/// Where the words of a table's cell may stand.
const ALIGNMENTS: [&str; 3] = ["left", "center", "right"];

static FENCE: LazyLock<ammonia::Builder<'static>> = LazyLock::new(|| {
    let mut fence = ammonia::Builder::empty();
    fence
        .add_tags([
            "p",
            "h3",
            "h4",
            "h5",
            "h6",
            "ul",
            "ol",
            "li",
            "blockquote",
            "pre",
            "code",
            "em",
            "strong",
            "del",
            "a",
            "img",
            "table",
            "thead",
            "tbody",
            "tr",
            "th",
            "td",
            "hr",
            "br",
            "input",
            "div",
        ])
        .add_tag_attributes("a", ["href"])
        .add_tag_attributes("img", ["src", "alt"])
        .add_tag_attributes("ol", ["start"])
        .add_tag_attribute_values("input", "type", ["checkbox"])
        .add_tag_attribute_values("input", "checked", [""])
        .add_tag_attribute_values("input", "disabled", [""])
        .add_tag_attribute_values("input", "aria-label", ["Done", "To do"])
        .add_tag_attribute_values("pre", "tabindex", ["0"])
        .add_tag_attribute_values("div", "tabindex", ["0"])
        .add_tag_attribute_values("th", "align", ALIGNMENTS)
        .add_tag_attribute_values("td", "align", ALIGNMENTS)
        .add_allowed_classes("div", ["scroll"])
        .add_allowed_classes("input", ["task"])
        .set_tag_attribute_value("a", "target", "_blank")
        .set_tag_attribute_value("img", "loading", "lazy")
        // Marks and lines stand on the side where the words begin.
        .set_tag_attribute_value("ul", "dir", "auto")
        .set_tag_attribute_value("ol", "dir", "auto")
        .set_tag_attribute_value("blockquote", "dir", "auto")
        .link_rel(Some("noopener noreferrer nofollow"))
        .url_schemes(["http", "https", "mailto"].into())
        .url_relative(ammonia::UrlRelative::PassThrough)
        .attribute_filter(|element, attribute, value| match (element, attribute) {
            ("img", "src") => value.starts_with("/t/").then_some(Cow::Borrowed(value)),
            ("a", "href") => (value.starts_with("/t/") || is_outside(value)).then_some(Cow::Borrowed(value)),
            _ => Some(Cow::Borrowed(value)),
        });
    fence
});

/// `https://…`, `http://…`, `mailto:…`, and nothing that merely looks so.
pub(super) fn is_outside(url: &str) -> bool {
    let lower = url.get(..8).unwrap_or(url).to_ascii_lowercase();
    ["https://", "http://", "mailto:"]
        .iter()
        .any(|scheme| lower.starts_with(scheme))
        && !url.contains(|letter: char| letter.is_control() || letter.is_whitespace())
}
