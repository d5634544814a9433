//! How a verb ends: the exit codes, and an error with a hint about what to do next.

use std::path::Path;
use std::process::ExitCode;
use std::{fmt, io};

use credentials::{FileError, LockError, SignInError, StoreError, TokenError, UserId, VendorGap, Vendors};
use credentials::{NameError, Owner, Service, Tenant};

use crate::{owner, shell, slip};

/// The exit codes of every verb.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    /// It is done.
    Done = 0,
    /// It failed, or problems were found.
    Failed = 1,
    /// The command line means nothing.
    Usage = 2,
    /// A person must sign in.
    LoginRequired = 3,
    /// The same command may succeed later.
    TryAgain = 4,
}

/// What a verb ends with.
pub(crate) type Outcome = Result<Exit, Failure>;

/// An error for a person: what failed on what, and what to do next.
#[derive(Debug)]
pub(crate) struct Failure {
    /// The exit code.
    pub(crate) exit: Exit,
    error: anyhow::Error,
    hint: Option<String>,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

impl Failure {
    /// A failure with exit code 1 and words of its own.
    pub(crate) fn words(message: impl Into<String>) -> Self {
        Self::of(anyhow::Error::msg(message.into()))
    }

    /// A failure with exit code 1 that says what was being done when `error` came.
    pub(crate) fn during(error: impl Into<anyhow::Error>, what: impl Into<String>) -> Self {
        Self::of(error.into().context(what.into()))
    }

    /// A failure with exit code 1 that is this error.
    pub(crate) fn of(error: anyhow::Error) -> Self {
        Self {
            exit: Exit::Failed,
            error,
            hint: None,
        }
    }

    /// A state folder that can't be looked into, so that nobody knows what is there.
    pub(crate) fn looking_into(state: &Path, error: io::Error) -> Self {
        Self::during(error, format!("could not look into `{}`", state.display()))
            .hint("run this as the user whose host it is, or point AGENT_HOST_HOME at a folder of your own")
    }

    /// The same with another exit code.
    pub(crate) fn exit(mut self, exit: Exit) -> Self {
        self.exit = exit;
        self
    }

    /// The same with a hint, which replaces one that is there.
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// What to do next, if anything helps.
    pub(crate) fn hint_words(&self) -> Option<&str> {
        self.hint.as_deref()
    }

    /// The same for machines, in the shape of `config check --json`.
    pub(crate) fn told(&self) -> serde_json::Value {
        let hint = self.hint.as_deref().map(shell::pasted);
        serde_json::json!({ "ok": false, "errors": [{ "what": self.to_string(), "hint": hint }] })
    }

    /// A service that no vendor serves, with the ones that there are.
    pub(crate) fn unknown_tenant(service: &Service, vendors: &Vendors) -> Self {
        let known: Vec<&str> = vendors.iter().map(|vendor| vendor.service.as_str()).collect();
        let meant = slip::meant(service.as_str(), known.iter().copied());
        let meant = meant.map_or_else(String::new, |meant| format!("did you mean `{meant}`? "));
        Self::words(format!("unknown tenant `{service}`")).hint(format!(
            "{meant}known: {}; add any other as `[vendors.{service}]` in the configuration (`agent-host config example`)",
            known.join(", ")
        ))
    }

    /// A token that was not had. `user` is who asked, if it was said.
    pub(crate) fn token(error: TokenError, user: Option<&UserId>, vendors: &Vendors) -> Self {
        match error {
            TokenError::Vendor(VendorGap::Unknown { service }) => Self::unknown_tenant(&service, vendors),
            TokenError::Vendor(gap) => gap.into(),
            TokenError::LoginRequired { ref tenant, .. } => {
                let hint = sign_in_hint(tenant, user);
                Self::of(error.into()).exit(Exit::LoginRequired).hint(hint)
            }
            TokenError::TryAgain { after, .. } => {
                let hint = after.map_or_else(
                    || "try again in a moment; if that does not help, `agent-host doctor` says what is in the way".to_owned(),
                    |after| format!("try again in {}", credentials::words::span(after)),
                );
                Self::of(error.into()).exit(Exit::TryAgain).hint(hint)
            }
            TokenError::Cancelled { .. } => Self::of(error.into()).exit(Exit::TryAgain),
            TokenError::Store {
                ref tenant,
                ref source,
            } => {
                let exit = exit_of_store(source);
                let hint = match &**source {
                    StoreError::Unreadable(_) => Some(sign_in_hint(tenant, user)),
                    source => Some(store_hint(source)),
                };
                Self {
                    exit,
                    error: error.into(),
                    hint,
                }
            }
        }
    }

    /// A sign-in that did not work. `begin` is the command that begins it anew.
    pub(crate) fn sign_in(error: SignInError, begin: &str, vendors: &Vendors) -> Self {
        let exit = match &error {
            error if error.is_temporary() => Exit::TryAgain,
            SignInError::Store(error) => exit_of_store(error),
            _ => Exit::Failed,
        };
        let hint = match &error {
            SignInError::Vendor(VendorGap::Unknown { service }) => {
                return Self::unknown_tenant(service, vendors);
            }
            SignInError::Vendor(gap) => gap_hint(gap),
            SignInError::Store(error) => Some(store_hint(error)),
            SignInError::NothingPending { .. }
            | SignInError::Over { .. }
            | SignInError::CodeRefused { .. } => Some(format!(
                "begin again with `{begin}`, and complete within 15 minutes as the same user"
            )),
            SignInError::Denied => Some(format!("begin again with `{begin}` if that was a mistake")),
            SignInError::Paste(credentials::PasteError::Denied) => {
                Some(format!("begin again with `{begin}` if that was a mistake"))
            }
            SignInError::Paste(credentials::PasteError::Failed { .. }) => Some(format!(
                "begin again with `{begin}`; if it stays, the vendor knows why"
            )),
            other => other.hint().map(str::to_owned),
        };
        Self {
            exit,
            error: error.into(),
            hint,
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut words = self.error.to_string();
        for cause in self.error.chain().skip(1) {
            let more = cause.to_string();
            // Some errors repeat their cause.
            if !words.ends_with(&more) {
                words = format!("{words}: {more}");
            }
        }
        f.write_str(&words)
    }
}

impl From<FileError> for Failure {
    fn from(error: FileError) -> Self {
        let hint = file_hint(&error);
        Self::of(error.into()).hint(hint)
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self {
            exit: exit_of_store(&error),
            hint: Some(store_hint(&error)),
            error: error.into(),
        }
    }
}

impl From<VendorGap> for Failure {
    fn from(gap: VendorGap) -> Self {
        let hint = gap_hint(&gap);
        Self {
            exit: Exit::Failed,
            error: gap.into(),
            hint,
        }
    }
}

impl From<conversation::ConversationError> for Failure {
    fn from(error: conversation::ConversationError) -> Self {
        let hint = error.hint();
        Self {
            exit: Exit::Failed,
            error: error.into(),
            hint,
        }
    }
}

impl From<supervisor::SupervisorError> for Failure {
    fn from(error: supervisor::SupervisorError) -> Self {
        let exit = match &error {
            supervisor::SupervisorError::Draining | supervisor::SupervisorError::TooMuch(_) => Exit::TryAgain,
            _ => Exit::Failed,
        };
        Self::of(error.into()).exit(exit)
    }
}

impl From<conversation::IdError> for Failure {
    fn from(error: conversation::IdError) -> Self {
        Self::of(error.into()).exit(Exit::Usage)
    }
}

impl From<serde_json::Error> for Failure {
    fn from(error: serde_json::Error) -> Self {
        Self::during(error, "could not write the answer as JSON")
    }
}

impl From<NameError> for Failure {
    fn from(error: NameError) -> Self {
        Self::of(error.into()).exit(Exit::Usage)
    }
}

/// The command with which a person signs in to a tenant.
pub(crate) fn sign_in_command(tenant: &Tenant) -> String {
    match &tenant.owner {
        Owner::Host => format!("agent-host auth login {}", tenant.service),
        Owner::User(user) => begin_command(tenant, user),
    }
}

/// The command that begins this sign-in of this user.
pub(crate) fn begin_command(tenant: &Tenant, user: &UserId) -> String {
    let owner = match &tenant.owner {
        Owner::Host => " --owner host",
        Owner::User(_) => "",
    };
    let user = shell::word(user.as_str());
    format!("agent-host auth begin {} --user {user}{owner}", tenant.service)
}

/// The way to sign in again, and for a user without a login both ways there are.
fn sign_in_hint(tenant: &Tenant, user: Option<&UserId>) -> String {
    let first = format!("sign in with `{}`", sign_in_command(tenant));
    match (&tenant.owner, user) {
        (Owner::Host, Some(user)) => format!(
            "{first} for the host, or `{}` for {user} alone",
            sign_in_command(&Tenant::user(tenant.service.clone(), user.clone()))
        ),
        _ => first,
    }
}

fn exit_of_store(error: &StoreError) -> Exit {
    match error {
        // What stands in a lock's place stays until somebody mends it.
        StoreError::Lock(LockError::File { .. }) => Exit::Failed,
        StoreError::Lock(_) => Exit::TryAgain,
        _ => Exit::Failed,
    }
}

/// What to do about `auth.json`, or a folder.
pub(crate) fn file_hint(error: &FileError) -> String {
    match error {
        FileError::ForeignOwner { path, owner, .. } => owner::hint(path, *owner),
        error => error.hint().to_owned(),
    }
}

fn store_hint(error: &StoreError) -> String {
    match error {
        StoreError::File(error) => file_hint(error),
        StoreError::Lock(error) if error.is_busy() => {
            "try again; `agent-host doctor` shows who holds it".into()
        }
        StoreError::Lock(LockError::File { source, .. }) => file_hint(source),
        StoreError::Lock(_) => "`agent-host doctor` shows what is wrong with the lock files".into(),
        StoreError::Unreadable(_) => "sign in again; that replaces the entry".into(),
    }
}

fn gap_hint(gap: &VendorGap) -> Option<String> {
    match gap {
        VendorGap::NoSecret { variable, .. } => Some(format!("set {variable} where agent-host runs")),
        VendorGap::NoTokens { .. } | VendorGap::Unknown { .. } => None,
    }
}
