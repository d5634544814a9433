//! What can be made to go wrong with single requests.

use std::time::Duration;

/// One thing that goes wrong, once unless told otherwise, on every route unless told otherwise.
#[derive(Clone, Debug)]
pub struct Fault {
    pub(crate) what: Wrong,
    method: Option<&'static str>,
    path: Option<String>,
    left: usize,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Wrong {
    Status(u16),
    TooMany { retry_after: f64, global: bool },
    Slow(Duration),
    AnswerLost,
    DoneThen(u16),
    RequestLost,
    Page(u16),
    Held(Hold),
}

/// What is held until the test lets it go.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Hold {
    /// The request; its connection stays open.
    Request,
    /// The request, whose connection breaks at once.
    Lost,
    /// The answer.
    Answer,
}

impl Fault {
    /// The request is answered with this status, such as 502, and nothing happens.
    pub fn status(status: u16) -> Self {
        Self::new(Wrong::Status(status))
    }

    /// 429 with `Retry-After`, for this route.
    pub fn too_many(retry_after: Duration) -> Self {
        let retry_after = retry_after.as_secs_f64();
        Self::new(Wrong::TooMany {
            retry_after,
            global: false,
        })
    }

    /// 429 with `Retry-After`, for everything.
    pub fn too_many_globally(retry_after: Duration) -> Self {
        let retry_after = retry_after.as_secs_f64();
        Self::new(Wrong::TooMany {
            retry_after,
            global: true,
        })
    }

    /// The request is looked at only after this long (real time).
    pub fn slow(by: Duration) -> Self {
        Self::new(Wrong::Slow(by))
    }

    /// It happens, and then the connection breaks before a byte of the answer.
    pub fn answer_lost() -> Self {
        Self::new(Wrong::AnswerLost)
    }

    /// It happens, and is answered with this status, such as 504, as if it had not.
    pub fn done_then(status: u16) -> Self {
        Self::new(Wrong::DoneThen(status))
    }

    /// The connection breaks, and nothing happens.
    pub fn request_lost() -> Self {
        Self::new(Wrong::RequestLost)
    }

    /// Something between the bot and Discord answers with this status and a page of HTML, and nothing happens.
    pub fn page(status: u16) -> Self {
        Self::new(Wrong::Page(status))
    }

    /// The request is looked at when [`Fake::let_go`](crate::Fake::let_go) is called.
    pub fn held() -> Self {
        Self::new(Wrong::Held(Hold::Request))
    }

    /// The same, and its connection breaks at once: it arrives after its client has given it up.
    pub fn late() -> Self {
        Self::new(Wrong::Held(Hold::Lost))
    }

    /// It happens, and is answered when [`Fake::let_go`](crate::Fake::let_go) is called.
    pub fn unanswered() -> Self {
        Self::new(Wrong::Held(Hold::Answer))
    }

    fn new(what: Wrong) -> Self {
        Self {
            what,
            method: None,
            path: None,
            left: 1,
        }
    }

    /// Only here. `path` is without the version, `*` stands for one segment: `("POST", "/channels/*/messages")`. Files
    /// are at `/cdn/attachments/*/*/*`.
    #[must_use]
    pub fn on(mut self, method: &'static str, path: &str) -> Self {
        self.method = Some(method);
        self.path = Some(path.to_owned());
        self
    }

    /// So many times.
    #[must_use]
    pub fn times(mut self, times: usize) -> Self {
        self.left = times;
        self
    }

    /// Spends one, if it is for this request.
    pub(crate) fn strikes(&mut self, method: &str, path: &[String]) -> bool {
        let here = self.path.as_ref().is_none_or(|pattern| {
            let wanted: Vec<_> = pattern.trim_matches('/').split('/').collect();
            wanted.len() == path.len()
                && wanted
                    .iter()
                    .zip(path)
                    .all(|(wanted, given)| *wanted == "*" || wanted == given)
        });
        let strikes = self.left > 0 && here && self.method.is_none_or(|wanted| wanted == method);
        self.left -= usize::from(strikes);
        strikes
    }

    pub(crate) fn is_spent(&self) -> bool {
        self.left == 0
    }
}
