//! `auth list`: all logins and how they stand.

use serde_json::json;

use crate::config::Settings;
use crate::failure::{Exit, Outcome};
use crate::output::Paint;
use crate::{assembly, doctor, output, running, tenant_view};

/// Shows them.
pub(super) fn run(as_json: bool, settings: &Settings) -> Outcome {
    let credentials = assembly::credentials(settings)?;
    let tenants = credentials.store().tenants()?;
    let refused = credentials.refused_variables();
    if as_json {
        let refused = refused.iter().map(
            |one| json!({ "service": one.service.as_str(), "variable": one.variable, "refused_at": one.at }),
        );
        let refused: Vec<_> = refused.collect();
        output::json(&json!({ "tenants": tenant_view::objects(&tenants), "refused_variables": refused }))?;
        return Ok(Exit::Done);
    }
    for one in &refused {
        output::say(&doctor::refused(one));
        output::hint(doctor::ANOTHER);
    }
    if tenants.is_empty() {
        output::say("nobody has signed in");
        output::hint(&match running::store_of_demo(settings) {
            Some(store) => format!(
                "`agent-host auth login codex`; the demo keeps logins of its own (`{}`), see its page and `agent-host doctor`",
                store.display()
            ),
            None => {
                "`agent-host auth login codex`, or `agent-host demo` to see it without an account".to_owned()
            }
        });
        return Ok(Exit::Done);
    }
    for line in tenant_view::table(&tenants, Paint::for_stdout(settings.no_colour)) {
        output::data(&line)?;
    }
    for (trouble, way) in doctor::troubles(&tenants) {
        output::say(&trouble);
        if let Some(way) = way {
            output::hint(&way);
        }
    }
    Ok(Exit::Done)
}
