//! `auth list`: all logins and how they stand.

use serde_json::json;

use crate::config::Settings;
use crate::failure::{Exit, Outcome};
use crate::output::Paint;
use crate::{assembly, output, tenant_view};

/// Shows them.
pub(super) fn run(as_json: bool, settings: &Settings) -> Outcome {
    let credentials = assembly::credentials(settings)?;
    let tenants = credentials.store().tenants()?;
    if as_json {
        output::json(&json!({ "tenants": tenant_view::objects(&tenants) }))?;
        return Ok(Exit::Done);
    }
    if tenants.is_empty() {
        output::say("nobody has signed in");
        output::hint("`agent-host auth login codex`, or `agent-host demo` to see it without an account");
        return Ok(Exit::Done);
    }
    for line in tenant_view::table(&tenants, Paint::for_stdout(settings.no_colour)) {
        output::data(&line)?;
    }
    Ok(Exit::Done)
}
