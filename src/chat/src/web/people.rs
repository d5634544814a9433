//! Who is who: people, the browsers they come with, and the links that let a browser in.
//!
//! A person is a random id; only the administrator's is always the same. A browser proves whose it is by a cookie of 256
//! random bits, of which only a digest is kept. The name is what they show, and decides nothing.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use credentials::{Timestamp, UserId};
use tokio::time::Instant;

use super::private_file::{self, FileError};
use super::random;

mod book;
mod links;
#[cfg(test)]
mod tests;

use book::{Book, Session};
use links::Links;
pub(crate) use links::{LINK_LIFE, LinkError, Whose};

/// Where it is kept in the state folder.
const FILE: &str = "web-sessions.json";

/// The longest name that is shown.
const MAX_NAME: usize = 60;

/// Somebody who is in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Person {
    /// Who; what decides.
    pub(crate) user: UserId,
    /// The name they show; may be empty.
    pub(crate) name: String,
    /// Whether they may act for the host: only the person whom the program's own link let in.
    pub(crate) admin: bool,
}

/// Everybody, shared by all requests.
pub(crate) struct People {
    path: std::path::PathBuf,
    book: RwLock<Arc<Book>>,
    /// One change at a time: read, change, write, show.
    changing: tokio::sync::Mutex<()>,
    links: Mutex<Links>,
}

impl People {
    /// Reads what is kept; the first time, the administrator is made. Blocking.
    pub(crate) fn open(folder: &Path) -> Result<Self, FileError> {
        private_file::make_folder(folder)?;
        let path = folder.join(FILE);
        let book = if let Some(book) = private_file::read::<Book>(&path)? {
            book
        } else {
            let book = Book::new();
            private_file::write(&path, &book)?;
            book
        };
        Ok(Self {
            path,
            book: RwLock::new(Arc::new(book)),
            changing: tokio::sync::Mutex::default(),
            links: Mutex::default(),
        })
    }

    /// The cookie's name: of this state folder, because browsers give all ports of a machine the same cookies.
    pub(crate) fn cookie_name(&self) -> String {
        format!("agent-host-session-{}", self.book().install)
    }

    /// The person behind a cookie's value.
    pub(crate) fn by_cookie(&self, value: &str) -> Option<Person> {
        self.book().by_session(&digest(value), Timestamp::now())
    }

    /// Whether the session behind a cookie's value is to be renewed.
    pub(crate) fn is_due(&self, value: &str) -> bool {
        self.book().is_due(&digest(value), Timestamp::now())
    }

    /// Renews the session behind a cookie's value; the browser is to be given the same cookie again.
    pub(crate) async fn renew(&self, value: &str) -> Result<(), FileError> {
        let (digest, now) = (digest(value), Timestamp::now());
        self.change(move |book| book.renew(&digest, now)).await
    }

    /// The person whom a trusted proxy names. The same name is always the same person.
    pub(crate) fn by_header(&self, value: &str) -> Option<Person> {
        let value = value.trim();
        let user = UserId::parse(&format!("web:{}", random::name_of("header", &[value]))).ok()?;
        let known = self.book().person(&user);
        (!value.is_empty()).then(|| {
            known.unwrap_or(Person {
                user,
                name: shown(value),
                admin: false,
            })
        })
    }

    /// What a POST must carry, for somebody who came with this cookie.
    pub(crate) fn csrf_of_cookie(value: &str) -> String {
        random::digest("csrf of cookie", &[value])
    }

    /// What a POST must carry, for somebody whom a proxy named.
    pub(crate) fn csrf_of_header(&self, user: &UserId) -> String {
        random::digest("csrf of header", &[&self.book().secret, user.as_str()])
    }

    /// A link's key, good once and for ten minutes.
    pub(crate) fn new_key(&self, whose: Whose) -> String {
        self.links().make(whose, Instant::now())
    }

    /// A link's key for the administrator.
    pub(crate) fn new_admin_key(&self) -> String {
        let admin = self.book().admin();
        self.new_key(admin.map_or(Whose::NewPerson, Whose::Of))
    }

    /// Lets a browser in that brings a key; gives its cookie's value. `already` is who it is so far.
    pub(crate) async fn enter_by_key(
        &self,
        key: &str,
        already: Option<&UserId>,
    ) -> Result<String, EnterError> {
        let link = self.links().take(key, already, Instant::now())?;
        let entered = match link.whose() {
            Whose::Of(user) => self.new_session(user.clone()).await,
            Whose::NewPerson => self.new_person().await,
        };
        // A full disk must not cost the link.
        entered.map_err(|error| {
            self.links().put_back(link);
            error.into()
        })
    }

    /// A person who was not here before, with this browser; gives its cookie's value.
    pub(crate) async fn new_person(&self) -> Result<String, FileError> {
        let user = book::new_user();
        let added = user.clone();
        self.change(move |book| book.add_person(&added, false)).await?;
        self.new_session(user).await
    }

    /// Another browser of this person; gives its cookie's value.
    async fn new_session(&self, user: UserId) -> Result<String, FileError> {
        let value = random::token();
        let session = Session {
            user,
            created: Timestamp::now(),
        };
        let digest = digest(&value);
        self.change(move |book| book.add_session(digest, session)).await?;
        Ok(value)
    }

    /// Another name to show.
    pub(crate) async fn rename(&self, user: &UserId, name: &str) -> Result<String, FileError> {
        let name = shown(name);
        let (user, kept) = (user.clone(), name.clone());
        self.change(move |book| book.rename(&user, kept)).await?;
        Ok(name)
    }

    /// Makes a change that is on disk before anybody sees it.
    async fn change(&self, change: impl FnOnce(&mut Book)) -> Result<(), FileError> {
        let _one = self.changing.lock().await;
        let mut book = Book::clone(&self.book());
        change(&mut book);
        book.forget_old(Timestamp::now());
        let book = Arc::new(book);
        let (path, written) = (self.path.clone(), Arc::clone(&book));
        tokio::task::spawn_blocking(move || private_file::write(&path, &*written))
            .await
            .unwrap_or_else(|error| Err(FileError::io("write", &self.path)(std::io::Error::other(error))))?;
        *self.book.write().unwrap_or_else(PoisonError::into_inner) = book;
        Ok(())
    }

    fn book(&self) -> Arc<Book> {
        Arc::clone(&self.book.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn links(&self) -> std::sync::MutexGuard<'_, Links> {
        self.links.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Why a browser was not let in.
#[derive(Debug, thiserror::Error)]
pub(crate) enum EnterError {
    /// The link.
    #[error(transparent)]
    Link(#[from] LinkError),
    /// The new session could not be kept.
    #[error("the new session could not be kept")]
    File(#[from] FileError),
}

/// What is kept of a cookie's value.
fn digest(value: &str) -> String {
    random::digest("session", &[value])
}

/// A name as it is kept: one line, nothing that a page would hide, not endless.
fn shown(name: &str) -> String {
    let plain: String = name
        .chars()
        .map(|letter| if letter.is_control() { ' ' } else { letter })
        .collect();
    plain
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ")
        .chars()
        .take(MAX_NAME)
        .collect()
}

/// The name somebody shows, or another word if they show none.
pub(crate) fn name_or<'a>(name: &'a str, otherwise: &'a str) -> &'a str {
    if name.is_empty() { otherwise } else { name }
}
