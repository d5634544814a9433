//! The configuration file.

use super::Check;
use crate::config::{Loaded, Problem};
use crate::running::HostLock;

const NAME: &str = "config";

/// Whether all of it could be understood.
pub(super) fn check(loaded: &Loaded) -> Check {
    let Loaded {
        settings,
        problems,
        warnings,
    } = loaded;
    let joined = |found: &[Problem]| {
        found
            .iter()
            .map(Problem::to_string)
            .collect::<Vec<_>>()
            .join("; ")
    };
    if !problems.is_empty() {
        // Secrets of a service are hidden from the shell of who looks after it.
        let hidden = !problems.iter().any(Problem::concerns_all);
        if hidden && HostLock::holder(&settings.state_folder).is_some() {
            return Check::warn(NAME, format!("not to be seen from here: {}", joined(problems))).hint(
                "the host that runs began with all of it; as its service, with its secrets, doctor sees it, too",
            );
        }
        return Check::fail(NAME, joined(problems))
            .hint("mend it; `agent-host config check` tells when all is well");
    }
    let path = settings.config_path.display();
    if !warnings.is_empty() {
        return Check::warn(NAME, joined(warnings)).hint("correct it if it is not meant so");
    }
    Check::ok(
        NAME,
        if settings.config_exists {
            format!("`{path}` is fine")
        } else {
            format!("there is no `{path}`; the defaults hold")
        },
    )
}
