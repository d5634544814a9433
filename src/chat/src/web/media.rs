//! Media types by a file's name, and which of them a browser may draw inside our pages.

/// What is known of endings, in lower case. Everything else is bytes.
const TYPES: &[(&[&str], &str)] = &[
    (&["png"], "image/png"),
    (&["jpg", "jpeg"], "image/jpeg"),
    (&["gif"], "image/gif"),
    (&["webp"], "image/webp"),
    (&["svg"], "image/svg+xml"),
    (&["pdf"], "application/pdf"),
    (&["json"], "application/json"),
    (&["csv"], "text/csv"),
    (&["html", "htm"], "text/html"),
    (&["md"], "text/markdown"),
    (&["xml"], "application/xml"),
    (&["zip"], "application/zip"),
    (&["gz", "tgz"], "application/gzip"),
    (
        &[
            "txt", "log", "rs", "py", "js", "ts", "go", "c", "h", "cpp", "java", "sh", "toml", "yaml", "yml",
            "ini", "sql", "css", "diff", "patch", "rb",
        ],
        "text/plain",
    ),
];

/// Raster images: a browser can only draw them. (An SVG can hold a script.)
const DRAWN: &[&str] = &["image/png", "image/jpeg", "image/gif", "image/webp"];

/// The media type that a name tells. What somebody said it was plays no part.
pub(crate) fn of_name(name: &str) -> &'static str {
    let ending = name
        .rsplit_once('.')
        .map(|(_, ending)| ending.to_ascii_lowercase())
        .unwrap_or_default();
    TYPES
        .iter()
        .find(|(endings, _)| endings.contains(&ending.as_str()))
        .map_or("application/octet-stream", |(_, mime)| mime)
}

/// Larger pictures, in bytes, are downloads: a browser would fetch all of it to draw it, and a sparse file has any size.
pub(crate) const LARGEST_DRAWN: u64 = 32 * 1024 * 1024;

/// Whether a file of this type and size may stand in a page.
pub(crate) fn is_drawn(mime: &str, size: u64) -> bool {
    DRAWN.contains(&mime) && size <= LARGEST_DRAWN
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_raster_images_of_a_fair_size_are_drawn() {
        for (name, mime, drawn) in [
            ("a.PNG", "image/png", true),
            ("a.b.jpeg", "image/jpeg", true),
            ("a.svg", "image/svg+xml", false),
            ("a.html", "text/html", false),
            ("a.png.html", "text/html", false),
            ("a.xhtml", "application/octet-stream", false),
            ("png", "application/octet-stream", false),
            ("a.", "application/octet-stream", false),
            ("", "application/octet-stream", false),
            ("Makefile", "application/octet-stream", false),
            ("notes.txt", "text/plain", false),
        ] {
            assert_eq!(
                (of_name(name), is_drawn(of_name(name), 1)),
                (mime, drawn),
                "{name}"
            );
        }
        assert!(is_drawn("image/png", LARGEST_DRAWN) && !is_drawn("image/png", LARGEST_DRAWN + 1));
    }
}
