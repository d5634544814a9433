//! The environment variables, as a value that tests can make up.

use std::collections::HashMap;
use std::ffi::OsString;
use std::path::PathBuf;

use secrecy::SecretString;

/// The environment of one process. An empty variable counts as none.
#[derive(Debug)]
pub(crate) enum Variables {
    /// The real ones.
    Process,
    /// Made up.
    #[cfg_attr(not(test), expect(dead_code, reason = "made up only by tests"))]
    Given(HashMap<&'static str, OsString>),
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

    /// Text that nobody may see.
    pub(crate) fn secret(&self, name: &str) -> Option<SecretString> {
        self.text(name).map(SecretString::from)
    }

    fn get(&self, name: &str) -> Option<OsString> {
        let value = match self {
            Self::Process => std::env::var_os(name),
            Self::Given(all) => all.get(name).cloned(),
        };
        value.filter(|value| !value.is_empty())
    }
}
