//! The report: a line per check for people, one line of JSON for machines.

use std::error::Error;

use credentials::TenantHealth;
use serde::Serialize;

use super::{Check, Status};
use crate::config::Settings;
use crate::failure::Failure;
use crate::output::{self, Colour, Paint};
use crate::tenant_view::{self, TenantObject};

#[derive(Serialize)]
struct Report<'a> {
    ok: bool,
    checks: &'a [Check],
    tenants: Vec<TenantObject<'a>>,
    version: &'static str,
    state_folder: String,
    config_file: Option<String>,
}

/// Prints what was found.
pub(super) fn print(
    as_json: bool,
    settings: &Settings,
    checks: &[Check],
    tenants: &[TenantHealth],
) -> Result<(), Failure> {
    let problems = checks.iter().filter(|check| check.status == Status::Fail).count();
    if as_json {
        return output::json(&Report {
            ok: problems == 0,
            checks,
            tenants: tenant_view::objects(tenants),
            version: env!("CARGO_PKG_VERSION"),
            state_folder: settings.state_folder.display().to_string(),
            config_file: settings
                .config_exists
                .then(|| settings.config_path.display().to_string()),
        });
    }
    let paint = Paint::for_stdout(settings.no_colour);
    for check in checks {
        let (mark, colour) = mark(check.status);
        let mark = paint.paint(colour, mark);
        output::data(&format!("{mark} {:<12} {}", check.name, check.message))?;
        if let Some(hint) = &check.hint {
            output::data(&format!("                  hint: {hint}"))?;
        }
    }
    if !tenants.is_empty() {
        output::data("")?;
        for line in tenant_view::table(tenants, paint) {
            output::data(&line)?;
        }
    }
    output::data("")?;
    output::data(&match problems {
        0 => paint.paint(Colour::Green, "ok"),
        1 => paint.paint(Colour::Red, "1 problem"),
        count => paint.paint(Colour::Red, &format!("{count} problems")),
    })
}

fn mark(status: Status) -> (&'static str, Colour) {
    match status {
        Status::Ok => ("ok  ", Colour::Green),
        Status::Warn => ("warn", Colour::Yellow),
        Status::Fail => ("FAIL", Colour::Red),
    }
}

/// An error with everything that led to it.
pub(super) fn chain(error: &(dyn Error + 'static)) -> String {
    let mut words = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        words = format!("{words}: {cause}");
        source = cause.source();
    }
    words
}
