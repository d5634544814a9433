//! The configuration file.

use super::Check;
use crate::config::{Loaded, Problem};

const NAME: &str = "config";

/// Whether all of it could be understood.
pub(super) fn check(Loaded { settings, problems }: &Loaded) -> Check {
    if !problems.is_empty() {
        let lines: Vec<String> = problems.iter().map(Problem::to_string).collect();
        return Check::fail(NAME, lines.join("; "))
            .hint("mend it; `agent-host config check` tells when all is well");
    }
    let path = settings.config_path.display();
    Check::ok(
        NAME,
        if settings.config_exists {
            format!("`{path}` is fine")
        } else {
            format!("there is no `{path}`; the defaults hold")
        },
    )
}
