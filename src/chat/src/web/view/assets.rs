//! The style, the scripts and the icon, built into the program.

use std::sync::LazyLock;

use sha2::{Digest, Sha256};

use super::html::each;

/// A file of ours for browsers, served at `/assets/<name>`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asset {
    /// Its name.
    pub(crate) name: &'static str,
    /// Media type.
    pub(crate) mime: &'static str,
    /// What it holds.
    pub(crate) body: &'static str,
}

const SCRIPT: &str = "text/javascript; charset=utf-8";

/// All of them. Serve with `cache-control: no-cache` and `etag: "<version()>"` (the scripts import each other by bare
/// name); where the query is `?v=<version()>` they may be cached for ever.
pub(crate) const ASSETS: &[Asset] = &[
    Asset {
        name: "style.css",
        mime: "text/css; charset=utf-8",
        body: include_str!("style.css"),
    },
    Asset {
        name: "narrow.css",
        mime: "text/css; charset=utf-8",
        body: include_str!("narrow.css"),
    },
    Asset {
        name: "icon.svg",
        mime: "image/svg+xml",
        body: include_str!("icon.svg"),
    },
    Asset {
        name: "theme.js",
        mime: SCRIPT,
        body: include_str!("theme.js"),
    },
    Asset {
        name: "left.js",
        mime: SCRIPT,
        body: include_str!("left.js"),
    },
    Asset {
        name: "app.js",
        mime: SCRIPT,
        body: include_str!("app.js"),
    },
    Asset {
        name: "live.js",
        mime: SCRIPT,
        body: include_str!("live.js"),
    },
    Asset {
        name: "timeline.js",
        mime: SCRIPT,
        body: include_str!("timeline.js"),
    },
    Asset {
        name: "focus.js",
        mime: SCRIPT,
        body: include_str!("focus.js"),
    },
    Asset {
        name: "list.js",
        mime: SCRIPT,
        body: include_str!("list.js"),
    },
    Asset {
        name: "scroll.js",
        mime: SCRIPT,
        body: include_str!("scroll.js"),
    },
    Asset {
        name: "morph.js",
        mime: SCRIPT,
        body: include_str!("morph.js"),
    },
    Asset {
        name: "composer.js",
        mime: SCRIPT,
        body: include_str!("composer.js"),
    },
    Asset {
        name: "commands.js",
        mime: SCRIPT,
        body: include_str!("commands.js"),
    },
    Asset {
        name: "note.js",
        mime: SCRIPT,
        body: include_str!("note.js"),
    },
    Asset {
        name: "files.js",
        mime: SCRIPT,
        body: include_str!("files.js"),
    },
    Asset {
        name: "send.js",
        mime: SCRIPT,
        body: include_str!("send.js"),
    },
    Asset {
        name: "unsent.js",
        mime: SCRIPT,
        body: include_str!("unsent.js"),
    },
    Asset {
        name: "act.js",
        mime: SCRIPT,
        body: include_str!("act.js"),
    },
    Asset {
        name: "clock.js",
        mime: SCRIPT,
        body: include_str!("clock.js"),
    },
];

/// The asset of that name.
pub(crate) fn asset(name: &str) -> Option<&'static Asset> {
    ASSETS.iter().find(|asset| asset.name == name)
}

/// Changes with any asset; hexadecimal.
pub(crate) fn version() -> &'static str {
    static VERSION: LazyLock<String> = LazyLock::new(|| {
        let mut hash = Sha256::new();
        for asset in ASSETS {
            hash.update(asset.name);
            hash.update([0]);
            hash.update(asset.body);
        }
        each(hash.finalize().iter().take(8), |byte| format!("{byte:02x}"))
    });
    &VERSION
}

/// What every page's head begins with. `theme.js` is no module: it sets the remembered theme before the first paint.
pub(super) fn head() -> String {
    let version = version();
    format!(
        "<meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width, initial-scale=1, \
         interactive-widget=resizes-content\"><meta name=\"color-scheme\" content=\"light dark\">\
         <link rel=\"icon\" href=\"/assets/icon.svg?v={version}\"><link rel=\"stylesheet\" href=\"/assets/style.css?v={version}\">\
         <link rel=\"stylesheet\" href=\"/assets/narrow.css?v={version}\">\
         {}",
        script("theme.js")
    )
}

/// A script that is no module: it runs before what comes after it.
fn script(name: &str) -> String {
    format!("<script src=\"/assets/{name}?v={}\"></script>", version())
}

/// Lets a browser forget all that was written in it here.
pub(crate) fn forget() -> String {
    script("left.js")
}
