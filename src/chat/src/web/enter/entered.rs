//! Buttons that were pressed lately: pressed twice, one lets in once and is answered the same. A browser forgets the first
//! answer, cookie and all, when its button is pressed again before it came.

use std::time::Duration;

use secrecy::{ExposeSecret as _, SecretString};
use tokio::sync::Mutex;
use tokio::time::Instant;

use crate::web::people::People;
use crate::web::random;
use crate::web::sign_in::SecretText;

/// So long a button is the same button; it covers a slow network and an impatient hand.
const AGAIN: Duration = Duration::from_secs(30);

/// What was answered lately.
#[derive(Default)]
pub(crate) struct Entered(Mutex<Vec<Answered>>);

struct Answered {
    at: Instant,
    /// The digest of the link's key and of what only the page knows on which the button stands.
    button: String,
    /// What it was answered: the cookie's value.
    cookie: SecretString,
}

impl Entered {
    /// What `press` gives; or, where this button of this page was pressed a moment ago, what it gave then, as long as that
    /// session lives. Who has the same link has another page, and comes too late.
    pub(super) async fn once<E>(
        &self,
        people: &People,
        key: &SecretText,
        page: &SecretText,
        press: impl Future<Output = Result<String, E>>,
    ) -> Result<String, E> {
        let button = random::digest("button", &[key.0.expose_secret(), page.0.expose_secret()]);
        // Held while it is done: the second press waits for what the first is answered.
        let mut answered = self.0.lock().await;
        answered.retain(|one| one.at.elapsed() < AGAIN);
        if let Some(one) = answered.iter().find(|one| one.button == button)
            && people.by_cookie(one.cookie.expose_secret()).is_some()
        {
            return Ok(one.cookie.expose_secret().to_owned());
        }
        let cookie = press.await?;
        answered.push(Answered {
            at: Instant::now(),
            button,
            cookie: cookie.clone().into(),
        });
        Ok(cookie)
    }
}
