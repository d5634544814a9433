//! Who is who: people, the browsers they come with, and the links that let a browser in.
//!
//! A person is a random id; only the administrator's is always the same. A browser proves whose it is by a cookie of 256
//! random bits, of which only a digest is kept. The name is what they show, and decides nothing.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use credentials::{Timestamp, UserId};
use tokio::sync::watch;
use tokio::time::Instant;

use super::private_file::{self, FileError};
use super::random;
use crate::harmless;

mod book;
mod links;
#[cfg(test)]
mod tests;

use book::{Book, Full, Session};
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
    /// Whether they may act for the host: the person whom the program's own link let in, or whom a proxy names so.
    pub(crate) admin: bool,
}

/// Everybody, shared by all requests.
pub(crate) struct People {
    path: std::path::PathBuf,
    /// Watched by whoever serves a session for long.
    book: watch::Sender<Arc<Book>>,
    /// One change at a time: read, change, write, show.
    changing: Arc<tokio::sync::Mutex<()>>,
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
            book: watch::Sender::new(Arc::new(book)),
            changing: Arc::default(),
            links: Mutex::default(),
        })
    }

    /// Whether what is kept can be read. Makes nothing. Blocking.
    pub(crate) fn check(folder: &Path) -> Result<(), FileError> {
        private_file::read::<Book>(&folder.join(FILE)).map(drop)
    }

    /// The cookie's name: of this state folder, because browsers give all ports of a machine the same cookies. Over https a
    /// prefix makes browsers refuse one that another host of the domain, or a page without https, wants to plant.
    pub(crate) fn cookie_name(&self, is_https: bool) -> String {
        let prefix = if is_https { "__Host-" } else { "" };
        format!("{prefix}agent-host-session-{}", self.book().install)
    }

    /// The person behind a cookie's value.
    pub(crate) fn by_cookie(&self, value: &str) -> Option<Person> {
        self.book().by_session(&digest(value), Timestamp::now())
    }

    /// A browser has shown this cookie's value: the link that gave it is spent.
    pub(crate) fn arrived(&self, value: &str) {
        self.links().arrived(&digest(value));
    }

    /// Whether the session behind a cookie's value is to be renewed.
    pub(crate) fn is_due(&self, value: &str) -> bool {
        self.book().is_due(&digest(value), Timestamp::now())
    }

    /// Renews the session behind a cookie's value; the browser is to be given the same cookie again.
    pub(crate) async fn renew(&self, value: &str) -> Result<(), FileError> {
        let (digest, now) = (digest(value), Timestamp::now());
        self.change(move |book| {
            book.renew(&digest, now);
            Ok(())
        })
        .await
    }

    /// Ends when the session behind a cookie's value was ended.
    pub(crate) fn ended(&self, value: &str) -> impl Future<Output = ()> + use<> {
        let (digest, mut book) = (digest(value), self.book.subscribe());
        async move {
            let is_over = |book: &Arc<Book>| book.by_session(&digest, Timestamp::now()).is_none();
            // A sender that is gone means the same.
            let _ = book.wait_for(is_over).await;
        }
    }

    /// The person whom a proxy names. The same name is always the same person; `admins` are the names of administrators.
    pub(crate) fn by_header(&self, value: &str, admins: &[String]) -> Option<Person> {
        let value = value.trim();
        let user = UserId::parse(&format!("web:{}", random::name_of("header", &[value]))).ok()?;
        let known = self.book().person(&user);
        (!value.is_empty()).then(|| Person {
            user,
            name: known.map_or_else(|| shown(value), |person| person.name),
            admin: admins.iter().any(|admin| admin.trim() == value),
        })
    }

    /// Whether somebody who may not be at hand is an administrator.
    pub(crate) fn is_admin(&self, user: &UserId) -> bool {
        self.book().person(user).is_some_and(|person| person.admin)
    }

    /// The same where a proxy names people; `admins` are the names of administrators.
    pub(crate) fn is_admin_by_header(&self, user: &UserId, admins: &[String]) -> bool {
        let mut named = admins.iter().filter_map(|name| self.by_header(name, admins));
        named.any(|person| person.user == *user)
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

    /// Whom the link with this key lets in, if it is good: `None` is somebody new. Looking uses nothing up.
    pub(crate) fn look(&self, key: &str) -> Result<Option<Person>, LinkError> {
        Ok(match self.links().look(key, Instant::now())? {
            Whose::Of(user) => self.book().person(user),
            Whose::NewPerson => None,
        })
    }

    /// As whom somebody counts who brings this key, if it is good: a link for somebody new makes a person of its own.
    pub(crate) fn bearer(&self, key: &str) -> Option<Person> {
        if let Some(person) = self.look(key).ok()? {
            return Some(person);
        }
        let user = UserId::parse(&format!("web:{}", random::name_of("bearer", &[key]))).ok()?;
        Some(Person {
            user,
            name: String::new(),
            admin: false,
        })
    }

    /// Lets a browser in that brings a key; gives its cookie's value. `so_far` is the value that it came with, whose session
    /// ends. The key is used up once the new value [arrives](Self::arrived): a browser that did not hear of it comes again
    /// with the same key, and its first session ends. Not to be dropped half-way: the key would be good for nobody.
    pub(crate) async fn enter_by_key(&self, key: &str, so_far: Option<&str>) -> Result<String, EnterError> {
        self.enter(key, so_far, None).await
    }

    /// The same when all have too many browsers: the administrator's takes the place of another, first of somebody who is
    /// not `at_work`, which is who opened threads.
    pub(crate) async fn enter_instead(
        &self,
        key: &str,
        so_far: Option<&str>,
        at_work: BTreeSet<UserId>,
    ) -> Result<String, EnterError> {
        self.enter(key, so_far, Some(at_work)).await
    }

    async fn enter(
        &self,
        key: &str,
        so_far: Option<&str>,
        at_work: Option<BTreeSet<UserId>>,
    ) -> Result<String, EnterError> {
        let (whose, before) = self.links().take(key, Instant::now())?;
        let ends = so_far.map(digest).into_iter().chain(before.clone()).collect();
        let entered = self.new_session(whose, ends, at_work).await;
        // A full disk must not cost the link.
        let made = entered.as_deref().map(digest).ok().or(before);
        self.links().made(key, made);
        entered
    }

    /// A person who was not here before, with this browser; gives its cookie's value.
    pub(crate) async fn new_person(&self) -> Result<String, EnterError> {
        self.new_session(Whose::NewPerson, vec![], None).await
    }

    /// Another browser, in place of these sessions; gives its cookie's value.
    async fn new_session(
        &self,
        whose: Whose,
        ends: Vec<String>,
        at_work: Option<BTreeSet<UserId>>,
    ) -> Result<String, EnterError> {
        let value = random::token();
        let new = digest(&value);
        self.change(move |book| {
            for old in &ends {
                book.end_session(old);
            }
            let user = match whose {
                Whose::Of(user) => user,
                Whose::NewPerson => book::new_user(),
            };
            // Whose last browser left may come back by a link that they made before.
            if book.person(&user).is_none() {
                book.add_person(&user, false);
            }
            let created = Timestamp::now();
            book.add_session(new, Session { user, created }, at_work.as_ref())
                .map_err(EnterError::from)
        })
        .await?;
        Ok(value)
    }

    /// How many browsers of this person are in.
    pub(crate) fn browsers_of(&self, user: &UserId) -> usize {
        self.book().sessions_of(user, Timestamp::now())
    }

    /// Ends the session behind a cookie's value.
    pub(crate) async fn leave(&self, value: &str) -> Result<(), FileError> {
        let digest = digest(value);
        self.change(move |book| {
            book.end_session(&digest);
            Ok(())
        })
        .await
    }

    /// Ends all sessions of a person, and makes their links for further browsers worthless.
    pub(crate) async fn leave_everywhere(&self, user: &UserId) -> Result<(), FileError> {
        self.links().forget(user);
        let user = user.clone();
        self.change(move |book| {
            book.end_sessions_of(&user);
            Ok(())
        })
        .await
    }

    /// Another name to show.
    pub(crate) async fn rename(&self, user: &UserId, name: &str) -> Result<String, FileError> {
        let name = shown(name);
        let (user, kept) = (user.clone(), name.clone());
        self.change(move |book| {
            book.rename(&user, kept);
            Ok::<_, FileError>(())
        })
        .await?;
        Ok(name)
    }

    /// Makes a change that is on disk before anybody sees it. Dropped before, it is made all the same: what is written
    /// is seen, and the next change waits for it.
    async fn change<E: From<FileError>>(
        &self,
        change: impl FnOnce(&mut Book) -> Result<(), E>,
    ) -> Result<(), E> {
        let one = Arc::clone(&self.changing).lock_owned().await;
        let mut book = Book::clone(&self.book());
        book.forget_old(Timestamp::now());
        change(&mut book)?;
        let (path, seen) = (self.path.clone(), self.book.clone());
        tokio::task::spawn_blocking(move || {
            private_file::write(&path, &book)?;
            seen.send_replace(Arc::new(book));
            drop(one);
            Ok(())
        })
        .await
        .unwrap_or_else(|error| Err(FileError::io("write", &self.path)(std::io::Error::other(error))))
        .map_err(E::from)
    }

    fn book(&self) -> Arc<Book> {
        Arc::clone(&self.book.borrow())
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
    /// There are too many browsers.
    #[error(transparent)]
    Full(#[from] Full),
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
    harmless::dropped(&plain)
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

impl Person {
    /// Who it is, in the middle of a sentence.
    pub(crate) fn words(&self) -> String {
        let otherwise = if self.admin {
            "the administrator"
        } else {
            "somebody without a name"
        };
        harmless::line(name_or(&self.name, otherwise), MAX_NAME)
    }
}
