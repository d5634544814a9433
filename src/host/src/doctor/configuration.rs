//! The configuration file.

use super::Check;
use crate::config::{Loaded, Problem};
use crate::running::HostLock;

const NAME: &str = "config";

/// Whether all of it could be understood.
pub(super) fn check(Loaded { settings, problems }: &Loaded) -> Check {
    if !problems.is_empty() {
        let lines: Vec<String> = problems.iter().map(Problem::to_string).collect();
        // Secrets of a service are hidden from the shell of who looks after it.
        let hidden = !problems.iter().any(Problem::concerns_all);
        if hidden && HostLock::holder(&settings.state_folder).is_some() {
            return Check::warn(NAME, format!("not to be seen from here: {}", lines.join("; "))).hint(
                "the host that runs began with all of it; as its service, with its secrets, doctor sees it, too",
            );
        }
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
