//! The cage that tools run in: which layers hold on this machine.

use std::path::{Path, PathBuf};

use cage::Layer;

use super::Check;
use crate::config::Settings;

const NAME: &str = "cage";

/// What the layers are tried with.
const SHELL: &str = "/bin/sh";

/// Tries every layer. One that is missing fails, unless the configuration does without it.
pub(super) fn check(settings: &Settings) -> Check {
    // Nothing that could be waived.
    if !Path::new(SHELL).exists() {
        return Check::fail(NAME, format!("no layer can be tried: there is no `{SHELL}` here"))
            .hint("install a shell, which the commands of agents need, too");
    }
    let mut held = Vec::new();
    let mut findings = Vec::new();
    for (layer, status) in cage::probe() {
        let waived = settings.without_layers.contains(&layer);
        if waived {
            findings.push(
                Check::warn(
                    NAME,
                    format!("tools run without `{layer}`, as the configuration says"),
                )
                .hint("take it out of `without` in `[cage]` if this machine has it"),
            );
        } else if status.holds() {
            held.push(layer);
        } else {
            findings.push(
                Check::fail(NAME, format!("`{layer}` does not hold: {}", status.words())).hint(format!(
                    "commands of agents are refused; `without = [\"{layer}\"]` in `[cage]` accepts that"
                )),
            );
        }
    }
    Check::worst(
        NAME,
        findings,
        format!(
            "holds: {}{}; the network is not fenced yet",
            names(&held),
            readable(&settings.readable)
        ),
    )
}

/// The folders that are shown because the configuration says so.
fn readable(folders: &[PathBuf]) -> String {
    let shown: Vec<String> = folders
        .iter()
        .map(|folder| format!("`{}`", folder.display()))
        .collect();
    match &shown[..] {
        [] => String::new(),
        _ => format!("; commands may also read {}", shown.join(", ")),
    }
}

fn names(layers: &[Layer]) -> String {
    let names: Vec<String> = layers.iter().map(ToString::to_string).collect();
    names.join(", ")
}
