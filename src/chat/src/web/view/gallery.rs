//! Every page and every state as files, to be looked at, and rules that hold for all of them.
//!
//! `AGENT_HOST_GALLERY=FOLDER cargo nextest run -p agent-host-chat gallery` writes them; serve the folder by any static
//! web server and open it.

use std::collections::{HashMap, HashSet};
use std::path::PathBuf;

use super::ASSETS;

mod pages;

/// Where `id="…"` and the like stand.
fn values<'h>(html: &'h str, attribute: &str) -> Vec<&'h str> {
    let needle = format!(" {attribute}=\"");
    html.split(needle.as_str())
        .skip(1)
        .filter_map(|rest| rest.split('"').next())
        .collect()
}

/// All start tags: name and attributes.
fn tags(html: &str) -> Vec<(&str, &str)> {
    html.split('<')
        .skip(1)
        .filter_map(|part| part.split_once('>'))
        .filter(|(tag, _)| tag.starts_with(|letter: char| letter.is_ascii_lowercase()))
        .map(|(tag, _)| tag.split_once(char::is_whitespace).unwrap_or((tag, "")))
        .collect()
}

/// What a button, link or summary is called by a screen reader, roughly: a label, or words inside.
fn named(html: &str, element: &str) -> Vec<(String, bool)> {
    html.split(&format!("<{element} "))
        .skip(1)
        .filter_map(|rest| rest.split_once(&format!("</{element}>")))
        .map(|(body, _)| {
            let (attributes, inner) = body.split_once('>').unwrap_or((body, ""));
            let words: String = inner
                .split('<')
                .map(|part| part.split_once('>').map_or(part, |(_, words)| words))
                .collect();
            let image = inner.contains("<img") && inner.contains("alt=\"");
            let named =
                attributes.contains("aria-label=\"") || image || words.chars().any(char::is_alphanumeric);
            (format!("<{element} {body}"), named)
        })
        .collect()
}

#[test]
fn every_page_keeps_the_rules() {
    for (name, html) in pages::all() {
        // The content security policy allows nothing inline.
        for (tag, attributes) in tags(&html) {
            let names = attributes.split('"').step_by(2).flat_map(str::split_whitespace);
            for attribute in names {
                let attribute = attribute.trim_end_matches('=');
                let inline = attribute == "style" || (attribute.starts_with("on") && attribute.len() > 2);
                assert!(!inline, "{name}: <{tag} {attributes}>");
            }
            assert!(
                tag != "style" && tag != "iframe" && tag != "object",
                "{name}: <{tag}>"
            );
            assert!(
                tag != "script" || attributes.contains("src=\"/assets/"),
                "{name}: an inline script"
            );
        }
        // No request leaves this host by itself.
        for source in values(&html, "src") {
            assert!(
                source.starts_with('/') && !source.starts_with("//"),
                "{name}: {source}"
            );
        }
        let mut ids = HashSet::new();
        for id in values(&html, "id") {
            assert!(ids.insert(id), "{name}: the id `{id}` is there twice");
        }
        for attribute in ["for", "aria-controls", "aria-labelledby", "aria-describedby"] {
            for target in values(&html, attribute) {
                assert!(
                    ids.contains(target),
                    "{name}: {attribute}=\"{target}\" leads nowhere"
                );
            }
        }
        for element in ["button", "a", "select", "summary"] {
            for (markup, named) in named(&html, element) {
                assert!(named, "{name}: without a name: {markup}");
            }
        }
        assert_eq!(html.matches("<main").count(), 1, "{name}");
        assert_eq!(html.matches("<h1").count(), 1, "{name}");
        assert!(html.starts_with("<!doctype html><html lang=\"en\">"), "{name}");
    }
}

#[test]
fn elements_are_closed_in_order() {
    let void = ["meta", "link", "input", "br", "img", "path", "circle", "hr"];
    for (name, html) in pages::all() {
        let mut open: Vec<&str> = vec![];
        for part in html.split('<').skip(1) {
            let Some((tag, _)) = part.split_once('>') else {
                continue;
            };
            let word = tag
                .trim_start_matches('/')
                .split([' ', '\n', '/'])
                .next()
                .unwrap_or_default();
            if tag.starts_with('/') {
                assert_eq!(open.pop(), Some(word), "{name}: near <{tag}>");
            } else if !tag.starts_with('!') && !void.contains(&word) {
                open.push(word);
            }
        }
        assert!(open.is_empty(), "{name}: {open:?}");
    }
}

#[test]
fn what_the_pages_and_scripts_name_is_there() {
    let body = |name: &str| {
        ASSETS
            .iter()
            .find(|asset| asset.name == name)
            .map(|asset| asset.body)
    };
    for asset in ASSETS
        .iter()
        .filter(|asset| asset.mime.starts_with("text/javascript"))
    {
        for import in asset.body.split(" from \"./").skip(1) {
            let import = import.split('"').next().unwrap_or_default();
            assert!(body(import).is_some(), "{} imports {import}", asset.name);
        }
        assert!(
            !asset.body.contains("http://") && !asset.body.contains("https://"),
            "{}",
            asset.name
        );
    }
    let script = body("act.js").unwrap();
    let pages: String = pages::all().into_values().collect();
    for act in values(&pages, "data-act").into_iter().collect::<HashSet<_>>() {
        let known = script.contains(&format!("    {act}:")) || script.contains(&format!("    \"{act}\":"));
        assert!(known, "no script does `{act}`");
    }
    for style in ASSETS.iter().filter(|asset| asset.mime.starts_with("text/css")) {
        let asks = style.body.contains("url(") || style.body.contains("@import");
        assert!(!asks, "{} asks for something", style.name);
    }
}

/// Relative luminance, WCAG 2.2.
fn luminance(colour: &str) -> f64 {
    let channel = |at: usize| {
        let value = f64::from(u8::from_str_radix(&colour[at..at + 2], 16).unwrap()) / 255.0;
        if value <= 0.04045 {
            value / 12.92
        } else {
            ((value + 0.055) / 1.055).powf(2.4)
        }
    };
    0.2126 * channel(1) + 0.7152 * channel(3) + 0.0722 * channel(5)
}

fn contrast(one: &str, other: &str) -> f64 {
    let (a, b) = (luminance(one), luminance(other));
    (a.max(b) + 0.05) / (a.min(b) + 0.05)
}

#[test]
fn words_can_be_read_on_what_they_stand_on_in_both_themes() {
    let style = ASSETS
        .iter()
        .find(|asset| asset.name == "style.css")
        .unwrap()
        .body;
    let colours: HashMap<&str, (&str, &str)> = style
        .lines()
        .filter_map(|line| line.trim().strip_prefix("--")?.split_once(": light-dark("))
        .filter_map(|(name, pair)| Some((name, pair.strip_suffix(");")?.split_once(", ")?)))
        .collect();
    let words = [
        (
            "text",
            "back side raise tint warn-back bad-back good-back good-mark bad-mark",
        ),
        ("quiet", "back side raise tint"),
        ("accent", "back side raise"),
        ("on-accent", "accent"),
        ("warn", "back warn-back raise"),
        ("bad", "back bad-back raise"),
        ("good", "back good-back raise"),
        ("back", "bad"),
    ];
    let pairs = words
        .iter()
        .flat_map(|(front, backs)| backs.split(' ').map(move |back| (*front, back, 4.5)));
    // What shows where a field or a state ends, and where the focus is: 3 is enough.
    let edges = [
        ("edge", "back", 3.0),
        ("accent", "back", 3.0),
        ("accent", "side", 3.0),
        ("bad", "side", 3.0),
    ];
    for (front, back, least) in pairs.chain(edges) {
        let (front_pair, back_pair) = (colours[front], colours[back]);
        for (theme, one, other) in [
            ("light", front_pair.0, back_pair.0),
            ("dark", front_pair.1, back_pair.1),
        ] {
            let found = contrast(one, other);
            assert!(found >= least, "{front} on {back}, {theme}: {found:.2}");
        }
    }
}

#[test]
fn gallery() {
    let Some(folder) = std::env::var_os("AGENT_HOST_GALLERY").map(PathBuf::from) else {
        // Nobody wants to look; the rules above hold all the same.
        assert!(pages::all().len() > 5);
        return;
    };
    std::fs::create_dir_all(folder.join("assets")).unwrap();
    for asset in ASSETS {
        std::fs::write(folder.join("assets").join(asset.name), asset.body).unwrap();
    }
    for (name, html) in pages::all() {
        std::fs::write(folder.join(format!("{name}.html")), html).unwrap();
    }
}
