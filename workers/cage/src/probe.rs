//! Which layers hold here: a shell is started with each, and says what it sees from inside.

use std::collections::BTreeSet;
use std::fs::File;
use std::process::{Command, Stdio};
use std::sync::Arc;

use nix::fcntl::{FcntlArg, FdFlag, fcntl};
use nix::unistd::getsid;

use crate::child::{self, Steps};
use crate::mark::Mark;
use crate::policy::{Layer, Policy};
use crate::{calls, environment, error::CageError, grants, limits, ruleset};

/// Whether a layer holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Status {
    /// It was tried, and holds; what was seen, in words.
    Holds(String),
    /// It does not; why, in words.
    Missing(String),
}

impl Status {
    /// Whether it holds.
    pub fn holds(&self) -> bool {
        matches!(self, Self::Holds(_))
    }

    /// What was seen, or why it does not hold.
    pub fn words(&self) -> &str {
        match self {
            Self::Holds(words) | Self::Missing(words) => words,
        }
    }
}

/// Tries every layer in a process of its own, in the order of [`Layer::ALL`]. Needs `/bin/sh`, writes nothing. Blocking.
pub fn probe() -> Vec<(Layer, Status)> {
    Layer::ALL
        .into_iter()
        .map(|layer| {
            let status = match attempt(layer) {
                Ok(words) => Status::Holds(words),
                Err(words) => Status::Missing(words),
            };
            (layer, status)
        })
        .collect()
}

fn attempt(layer: Layer) -> Result<String, String> {
    match layer {
        Layer::Environment => environment_is_clear(),
        Layer::Session => session_is_its_own(),
        Layer::Limits => limits_hold(),
        Layer::Descriptors => descriptors_are_closed(),
        Layer::Capabilities => capabilities_are_gone(),
        Layer::NoNewPrivileges => privileges_stay(),
        Layer::Landlock => files_are_fenced(),
        Layer::Calls => calls_are_filtered(),
    }
}

fn environment_is_clear() -> Result<String, String> {
    // A shell may add some of its own.
    let expected: BTreeSet<&str> = [
        "HOME", "LANG", "OLDPWD", "PATH", "PWD", "SHLVL", "TERM", "TMPDIR", "USER", "_",
    ]
    .into();
    let seen = shell(Layer::Environment, "export -p")?;
    let names = seen
        .lines()
        .filter_map(|line| {
            line.strip_prefix("export ")
                .or_else(|| line.strip_prefix("declare -x "))
        })
        .filter_map(|line| line.split('=').next());
    let strange: Vec<&str> = names.filter(|name| !expected.contains(name)).collect();
    if strange.is_empty() {
        Ok("only the listed variables are passed on".to_owned())
    } else {
        Err(format!("a command still sees {}", strange.join(", ")))
    }
}

fn session_is_its_own() -> Result<String, String> {
    let stat = shell(Layer::Session, "read -r line < /proc/self/stat; echo \"$line\"")?;
    // proc_pid_stat(5): the name in brackets may contain anything; behind it come state, parent, group, session.
    let session = stat
        .rsplit(')')
        .next()
        .and_then(|rest| rest.split_whitespace().nth(3)?.parse::<i32>().ok());
    let ours = getsid(None).map_err(|errno| errno.to_string())?.as_raw();
    match session {
        Some(session) if session != ours && session != 0 => {
            Ok("commands get a session of their own and die with the worker".to_owned())
        }
        _ => Err("a command stays in our session".to_owned()),
    }
}

fn limits_hold() -> Result<String, String> {
    let seen = shell(Layer::Limits, "ulimit -c; ulimit -n")?;
    let wanted: Vec<String> = limits::wanted()
        .iter()
        .filter(|limit| {
            use nix::sys::resource::Resource::{RLIMIT_CORE, RLIMIT_NOFILE};
            matches!(limit.resource, RLIMIT_CORE | RLIMIT_NOFILE)
        })
        .map(|limit| limit.soft.to_string())
        .collect();
    if seen.lines().eq(wanted.iter()) {
        Ok("core files, processes, descriptors, file size and address space are limited".to_owned())
    } else {
        Err(format!(
            "a command sees other limits: {}",
            seen.replace('\n', " ")
        ))
    }
}

fn descriptors_are_closed() -> Result<String, String> {
    let planted = File::open("/dev/null").map_err(|error| error.to_string())?;
    fcntl(&planted, FcntlArg::F_SETFD(FdFlag::empty())).map_err(|errno| errno.to_string())?;
    let number = std::os::fd::AsRawFd::as_raw_fd(&planted);
    let seen = shell(
        Layer::Descriptors,
        &format!("if [ -e /proc/self/fd/{number} ]; then echo open; else echo closed; fi"),
    )?;
    match seen.trim() {
        "closed" => Ok("no descriptor is inherited".to_owned()),
        _ => Err("a command inherits our descriptors".to_owned()),
    }
}

fn capabilities_are_gone() -> Result<String, String> {
    let seen = status(Layer::Capabilities)?;
    let left: Vec<&str> = ["CapInh", "CapPrm", "CapEff", "CapAmb"]
        .into_iter()
        .filter(|set| field(&seen, set).is_none_or(|value| !value.trim_start_matches('0').is_empty()))
        .collect();
    if left.is_empty() {
        Ok("commands have no capabilities".to_owned())
    } else {
        Err(format!("a command keeps capabilities in {}", left.join(", ")))
    }
}

fn privileges_stay() -> Result<String, String> {
    let seen = status(Layer::NoNewPrivileges)?;
    if field(&seen, "NoNewPrivs") == Some("1") {
        Ok("no program gives a command more rights".to_owned())
    } else {
        Err("the kernel does not keep no_new_privs".to_owned())
    }
}

fn files_are_fenced() -> Result<String, String> {
    let offer = ruleset::offer()?;
    // The root folder is in no rule: to a fenced shell it can't be listed, so the pattern stays as it is.
    let seen = shell(Layer::Landlock, "cd / && echo *")?;
    if seen.trim() == "*" {
        Ok(offer)
    } else {
        Err(format!("{offer}, but a command still sees the root folder"))
    }
}

fn calls_are_filtered() -> Result<String, String> {
    calls::offer()?;
    // This process may be filtered itself, in a container: one more than here, where the kernel counts (Linux 5.9).
    let ours = std::fs::read_to_string("/proc/self/status").map_err(|error| error.to_string())?;
    let seen = status(Layer::Calls)?;
    let count = |status: &str| field(status, "Seccomp_filters").and_then(|number| number.parse::<u32>().ok());
    let added = match (count(&ours), count(&seen)) {
        (Some(ours), Some(seen)) => seen > ours,
        _ => true,
    };
    if added && field(&seen, "Seccomp") == Some("2") {
        Ok("no command changes limits of others, makes setuid programs or namespaces, or sees the keys of its user".to_owned())
    } else {
        Err("the kernel does not keep the filter of system calls".to_owned())
    }
}

fn status(layer: Layer) -> Result<String, String> {
    shell(
        layer,
        "while read -r line; do echo \"$line\"; done < /proc/self/status",
    )
}

fn field<'a>(status: &'a str, name: &str) -> Option<&'a str> {
    let line = status.lines().find_map(|line| line.strip_prefix(name))?;
    Some(line.strip_prefix(':')?.trim())
}

/// What a shell prints that has this layer and those it builds on. Only words of the shell itself are used.
fn shell(layer: Layer, script: &str) -> Result<String, String> {
    let mut command = Command::new("/bin/sh");
    command
        .arg("-c")
        .arg(script)
        .current_dir("/")
        .stdin(Stdio::null());
    environment::set(
        &mut command,
        &crate::folders::Folders::nowhere(),
        layer == Layer::Environment,
    );
    let ruleset = if layer == Layer::Landlock {
        let policy = Policy {
            workspace: "/nonexistent".into(),
            readable: Vec::new(),
            without: Vec::new(),
        };
        let readable = grants::readable(&policy, &policy.workspace);
        Some(Arc::new(ruleset::build(None, &readable)?))
    } else {
        None
    };
    let mark = Mark::next().map_err(|error| error.to_string())?;
    // With what they build on.
    let layers = match layer {
        Layer::Capabilities | Layer::Landlock | Layer::Calls => vec![layer, Layer::NoNewPrivileges],
        _ => vec![layer],
    };
    child::arm(&mut command, Steps::new(layers, mark, ruleset, None));
    let output = command
        .output()
        .map_err(|error| CageError::from_spawn("/bin/sh", error).to_string())?;
    if !output.status.success() {
        let complaint = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        return Err(format!(
            "a shell with this layer failed ({}): {complaint}",
            output.status
        ));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}
