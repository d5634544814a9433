//! The configuration file.

use super::Check;
use crate::config::{Loaded, Problem};
use crate::running::HostLock;
use crate::service_manager::as_service;

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
        let as_service = as_service(&settings.config_path, "doctor").filter(|_| hidden);
        if hidden && HostLock::holder(&settings.state_folder).is_some() {
            return Check::warn(NAME, format!("not to be seen from here: {}", joined(problems))).hint(
                as_service.unwrap_or_else(|| {
                    "the host that runs began with all of it; where its secrets are, doctor sees it, too"
                        .to_owned()
                }),
            );
        }
        return Check::fail(NAME, joined(problems)).hint(
            as_service
                .unwrap_or_else(|| "mend it; `agent-host config check` tells when all is well".to_owned()),
        );
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
