//! The few icons, as inline SVG: 16 × 16, drawn with the colour of the text around them, silent for screen readers.

/// An icon of the set, by name; an unknown name draws a dot.
pub(crate) fn icon(name: &str) -> String {
    let drawing = match name {
        "read" => r#"<path d="M3.5 2.5h6l3 3v8h-9zM9.5 2.5v3h3M5.5 8.5h5M5.5 11h5"/>"#,
        "edit" => {
            r#"<path d="m3 13 .6-2.6 7.2-7.2a1.1 1.1 0 0 1 1.6 0l.4.4a1.1 1.1 0 0 1 0 1.6L5.6 12.4zM9.6 4.4l2 2"/>"#
        }
        "delete" => r#"<path d="M3 4.5h10M6.5 4.5v-2h3v2M4.5 4.5l.6 9h5.8l.6-9M6.8 7v4M9.2 7v4"/>"#,
        "move" => r#"<path d="M2.5 8h10M9 4.5 12.5 8 9 11.5"/>"#,
        "search" => r#"<circle cx="7" cy="7" r="4"/><path d="m10 10 3.5 3.5"/>"#,
        "execute" => r#"<path d="M2.5 3h11v10h-11zM5 6.5l2 1.75L5 10M8.5 10h2.5"/>"#,
        "think" => r#"<path d="M6 11.5c0-1.5-2-2.3-2-4.9a4 4 0 0 1 8 0c0 2.6-2 3.4-2 4.9zM6.5 13.7h3"/>"#,
        "fetch" => {
            r#"<circle cx="8" cy="8" r="5.5"/><path d="M2.5 8h11M8 2.5c3.5 3.5 3.5 7.5 0 11M8 2.5c-3.5 3.5-3.5 7.5 0 11"/>"#
        }
        "plan" => r#"<path d="m2.5 4.5 1 1 2-2M8 4.5h5.5M2.5 11l1 1 2-2M8 11h5.5"/>"#,
        "ask" => r#"<path d="M8 2 13 4v4c0 3-2 5-5 6-3-1-5-3-5-6V4zM8 5v3.5M8 10.7v.2"/>"#,
        "key" => {
            r#"<circle cx="5.5" cy="10.5" r="3"/><path d="m7.7 8.3 5.3-5.3M11 5l1.7 1.7M9.3 6.7l1.2 1.2"/>"#
        }
        "file" => r#"<path d="M3.5 2.5h6l3 3v8h-9zM9.5 2.5v3h3"/>"#,
        "info" => r#"<circle cx="8" cy="8" r="5.5"/><path d="M8 7.2v3.5M8 5v.2"/>"#,
        "warning" => r#"<path d="M8 2.5 14 13H2zM8 6.5v3M8 11.2v.2"/>"#,
        "error" => r#"<circle cx="8" cy="8" r="5.5"/><path d="m6 6 4 4M10 6l-4 4"/>"#,
        "attach" => {
            r#"<path d="m12.5 7.5-4.7 4.7a2.6 2.6 0 0 1-3.7-3.7l5-5a1.8 1.8 0 0 1 2.5 2.5l-4.8 4.8a.8.8 0 0 1-1.2-1.2l4.2-4.2"/>"#
        }
        "send" => r#"<path d="M8 13V3.5M4 7.5l4-4 4 4"/>"#,
        "stop" => r#"<path d="M4.5 4.5h7v7h-7z" fill="currentColor"/>"#,
        "menu" => r#"<path d="M2.5 4.5h11M2.5 8h11M2.5 11.5h11"/>"#,
        "plus" => r#"<path d="M8 3v10M3 8h10"/>"#,
        "close" => r#"<path d="m4 4 8 8M12 4l-8 8"/>"#,
        "down" => r#"<path d="m4 6 4 4 4-4"/>"#,
        "theme" => {
            r#"<circle cx="8" cy="8" r="5.5"/><path d="M8 2.5a5.5 5.5 0 0 1 0 11z" fill="currentColor"/>"#
        }
        "person" => {
            r#"<circle cx="8" cy="5.5" r="2.7"/><path d="M2.8 13.5c.6-2.8 2.6-4 5.2-4s4.6 1.2 5.2 4"/>"#
        }
        "workers" => r#"<path d="M3 3h10v4H3zM3 9h10v4H3zM5.3 5h.1M5.3 11h.1"/>"#,
        "download" => r#"<path d="M8 2.5V10M4.8 7 8 10.2 11.2 7M3 13h10"/>"#,
        "done" => r#"<path d="m3.5 8.5 3 3 6-7"/>"#,
        _ => r#"<circle cx="8" cy="8" r="1.5" fill="currentColor"/>"#,
    };
    format!(
        r#"<svg class="icon" viewBox="0 0 16 16" width="16" height="16" fill="none" stroke="currentColor" stroke-width="1.3" stroke-linecap="round" stroke-linejoin="round" aria-hidden="true" focusable="false">{drawing}</svg>"#
    )
}
