//! Sign-ins and sign-outs of which the vendor may have heard: counted, so that a program that ends waits for them.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use super::SignInError;
use crate::credentials::Credentials;
use crate::lock::GLOBAL_WAIT;
use crate::refresh::{REQUEST_LIMIT, REVOKE_LIMIT};

/// How long one is under way at most: a request, its answer written, and what can't be written given back. (A sign-out,
/// which gives back two grants at most, takes less.)
pub const LONGEST_SIGN_IN: Duration = REQUEST_LIMIT
    .saturating_add(GLOBAL_WAIT)
    .saturating_add(REVOKE_LIMIT);

/// How many there are.
#[derive(Debug, Clone, Default)]
pub(crate) struct UnderWay(Arc<watch::Sender<State>>);

#[derive(Debug, Default)]
struct State {
    count: usize,
    is_ending: bool,
}

/// One of them. Dropped, it is over.
#[derive(Debug)]
pub(super) struct One(UnderWay);

impl UnderWay {
    /// Another one, unless the program ends.
    pub(super) fn begin(&self) -> Result<One, SignInError> {
        let begins = |state: &mut State| {
            state.count += usize::from(!state.is_ending);
            !state.is_ending
        };
        if self.0.send_if_modified(begins) {
            return Ok(One(self.clone()));
        }
        Err(SignInError::Stopping)
    }
}

impl Drop for One {
    fn drop(&mut self) {
        self.0.0.send_modify(|state| state.count -= 1);
    }
}

impl Credentials {
    /// From now on no sign-in is completed and nobody is signed out: whoever tries is told to try again, and what they
    /// brought is as good as before. How many are under way, for [`sign_ins_ended`](Self::sign_ins_ended).
    pub fn refuse_sign_ins(&self) -> usize {
        self.under_way().0.send_modify(|state| state.is_ending = true);
        self.under_way().0.borrow().count
    }

    /// Returns when no sign-in or sign-out is under way any more: after [`LONGEST_SIGN_IN`], if none is begun. (Asking a
    /// vendor whether a device code was typed in is none; what its yes brings is.) Cancel safe.
    pub async fn sign_ins_ended(&self) {
        // It lives as long as this does.
        let _ = self
            .under_way()
            .0
            .subscribe()
            .wait_for(|state| state.count == 0)
            .await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sign_out_takes_no_longer_than_a_sign_in() {
        assert!(GLOBAL_WAIT + 2 * REVOKE_LIMIT <= LONGEST_SIGN_IN);
    }

    #[tokio::test]
    async fn none_begins_at_the_end_and_those_under_way_are_waited_for() {
        let folder = tempfile::tempdir().unwrap();
        let store = crate::Store::open(&folder.path().join("auth.json"), true).unwrap();
        let vendors = crate::Vendors::builtin(None);
        let credentials = Credentials::new(store, vendors, crate::Refresher::InProcess);
        let (one, other) = (
            credentials.under_way().begin().unwrap(),
            credentials.under_way().begin(),
        );
        assert_eq!(credentials.refuse_sign_ins(), 2);
        assert!(credentials.under_way().begin().unwrap_err().is_temporary());
        drop(one);
        assert_eq!(credentials.refuse_sign_ins(), 1);
        let ended = tokio::spawn({
            let credentials = credentials.clone();
            async move { credentials.sign_ins_ended().await }
        });
        drop(other);
        ended.await.unwrap();
        assert_eq!(credentials.refuse_sign_ins(), 0);
    }
}
