//! Writing HTML: what is not markup is escaped, always.

/// Writes to the end of a `String`, as `format!` would; that can't fail.
macro_rules! push {
    ($out:expr, $($words:tt)*) => {{
        use std::fmt::Write as _;
        let _ = write!($out, $($words)*);
    }};
}
pub(super) use push;

/// What is drawn of each, one after the other.
pub(crate) fn each<T>(all: impl IntoIterator<Item = T>, draw: impl Fn(T) -> String) -> String {
    all.into_iter().fold(String::new(), |out, one| out + &draw(one))
}

/// Text for between tags and for quoted attributes.
pub(crate) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + text.len() / 16);
    push_escaped(&mut out, text);
    out
}

/// As [`escape`], to the end of `out`.
pub(crate) fn push_escaped(out: &mut String, text: &str) {
    let mut from = 0;
    for (at, byte) in text.bytes().enumerate() {
        let entity = match byte {
            b'&' => "&amp;",
            b'<' => "&lt;",
            b'>' => "&gt;",
            b'"' => "&quot;",
            b'\'' => "&#39;",
            _ => continue,
        };
        out.push_str(&text[from..at]);
        out.push_str(entity);
        from = at + 1;
    }
    out.push_str(&text[from..]);
}

/// A relative path for a URL: each part percent-encoded, empty and dotted parts left out.
pub(crate) fn path(path: &str) -> String {
    let mut out = String::with_capacity(path.len());
    for part in path.split('/').filter(|part| !matches!(*part, "" | "." | "..")) {
        if !out.is_empty() {
            out.push('/');
        }
        push_encoded(&mut out, part);
    }
    out
}

/// RFC 3986 unreserved characters stay.
fn push_encoded(out: &mut String, text: &str) {
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~') {
            out.push(char::from(byte));
        } else {
            push!(out, "%{byte:02X}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_is_escaped_can_leave_its_place() {
        assert_eq!(
            escape(r#"<a href="x" onclick='y'>&amp;"#),
            "&lt;a href=&quot;x&quot; onclick=&#39;y&#39;&gt;&amp;amp;"
        );
        assert_eq!(escape("grüße 👍"), "grüße 👍");
    }

    #[test]
    fn a_path_stays_below_where_it_is_put() {
        assert_eq!(path("../../etc/passwd"), "etc/passwd");
        assert_eq!(path("/a//b/./c d?x#y.txt"), "a/b/c%20d%3Fx%23y.txt");
        assert_eq!(path("a\\..\\b\"<ü"), "a%5C..%5Cb%22%3C%C3%BC");
    }
}
