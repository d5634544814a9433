//! The environment variables, as a value that tests can make up.

use std::collections::HashMap;
use std::ffi::OsString;
use std::io;
use std::path::PathBuf;

use secrecy::SecretString;

/// The folder in which a service manager puts what it gives to this service alone (systemd.exec(5), Credentials).
const CREDENTIALS: &str = "CREDENTIALS_DIRECTORY";

/// What is said of a name that is none. It may be the secret itself: it is not shown.
pub(super) const NOT_A_NAME: &str = "is not the name of a variable";

/// Whether this may be the name of a variable.
pub(super) fn is_name(name: &str) -> bool {
    !name.is_empty()
        && !name.starts_with(|first: char| first.is_ascii_digit())
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

/// The environment of one process. An empty variable counts as none.
#[derive(Debug)]
pub(crate) enum Variables {
    /// The real ones.
    Process,
    /// Made up.
    #[cfg_attr(not(test), expect(dead_code, reason = "made up only by tests"))]
    Given(HashMap<&'static str, OsString>),
}

/// A secret, and where it was. `Debug` does not show it.
#[derive(Debug)]
pub(crate) enum Found {
    /// In the environment.
    Variable(SecretString),
    /// In a file of the service manager's.
    Credential {
        /// The secret.
        secret: SecretString,
        /// The file.
        file: PathBuf,
    },
}

impl Variables {
    /// Those of this process.
    pub(crate) fn of_this_process() -> Self {
        Self::Process
    }

    /// A path.
    pub(crate) fn path(&self, name: &str) -> Option<PathBuf> {
        self.get(name).map(PathBuf::from)
    }

    /// Text without blanks around it; one that is not UTF-8 counts as none.
    pub(crate) fn text(&self, name: &str) -> Option<String> {
        let text = self.get(name)?.into_string().ok()?;
        let text = text.trim();
        (!text.is_empty()).then(|| text.to_owned())
    }

    /// Text that nobody may see: a variable, or a credential of that name. One that can't be read counts as none.
    pub(crate) fn secret(&self, name: &str) -> Option<SecretString> {
        match self.find(name) {
            Ok(Some(Found::Variable(secret) | Found::Credential { secret, .. })) => Some(secret),
            // Whoever needs it is told that it is missing.
            Ok(None) | Err(_) => None,
        }
    }

    /// What in such a secret can't be sent in a header, in words without the secret.
    pub(crate) fn unsendable(&self, name: &str) -> Option<String> {
        match self.get(name).map(OsString::into_string) {
            Some(Err(_)) => Some("bytes that are no text (UTF-8)".to_owned()),
            _ => credentials::unsendable(&self.secret(name)?),
        }
    }

    /// The same, with the place where it was found.
    ///
    /// Errors: there is such a credential and it can't be read, in words.
    pub(crate) fn find(&self, name: &str) -> Result<Option<Found>, String> {
        if let Some(text) = self.text(name) {
            return Ok(Some(Found::Variable(text.into())));
        }
        let is_plain = name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        let Some(folder) = self.credentials().filter(|_| is_plain) else {
            return Ok(None);
        };
        let file = folder.join(name);
        match std::fs::read_to_string(&file) {
            Ok(text) if text.trim().is_empty() => Ok(None),
            Ok(text) => Ok(Some(Found::Credential {
                secret: text.trim().to_owned().into(),
                file,
            })),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(format!(
                "could not read the credential `{}`: {error}",
                file.display()
            )),
        }
    }

    /// That there is no such secret, in words.
    pub(crate) fn absence(&self, name: &str) -> String {
        match self.credentials() {
            Some(_) => format!(
                "{name} is not set in the environment, and no credential of the service, or an empty one"
            ),
            None => format!("{name} is not set in the environment"),
        }
    }

    /// The folder of this service's credentials, if a service manager gave some.
    pub(crate) fn credentials(&self) -> Option<PathBuf> {
        self.path(CREDENTIALS).filter(|path| path.is_absolute())
    }

    fn get(&self, name: &str) -> Option<OsString> {
        let value = match self {
            Self::Process => std::env::var_os(name),
            Self::Given(all) => all.get(name).cloned(),
        };
        value.filter(|value| !value.is_empty())
    }
}
