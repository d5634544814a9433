//! Sign-ins with a code that is typed into a vendor's page: this host asks until the vendor says yes, no, or too late.

use std::sync::Arc;
use std::time::Duration;

use credentials::{Owner, Service, SignInError, Tenant, Timestamp, UserId};
use dashmap::DashMap;

use super::{Step, words};
use crate::web::refusal::{Refused, chain};
use crate::web::shared::Web;

/// After the vendor or the network was away.
const REST: Duration = Duration::from_secs(5);

/// How sign-ins with a code stand.
#[derive(Default)]
pub(crate) struct Waits {
    devices: DashMap<(UserId, Service), Device>,
}

enum Device {
    Waiting,
    Done(String),
    Failed(Refused),
}

impl Web {
    /// Asks the vendor from now on, about the sign-in that was begun then. (One asker at a time is the store's doing.)
    pub(super) fn wait_for_device(self: &Arc<Self>, user: UserId, tenant: Tenant, begun: Timestamp) {
        let key = (user, tenant.service);
        self.waits.devices.insert(key.clone(), Device::Waiting);
        let web = Arc::clone(self);
        tokio::spawn(async move {
            tokio::select! {
                () = web.stopped() => {}
                state = web.ask(&key.0, (&key.1, begun), &tenant.owner) => {
                    if let Some(state) = state {
                        web.waits.devices.insert(key, state);
                    }
                }
            }
        });
    }

    /// Goes on with what an earlier host began.
    pub(crate) async fn wait_for_begun_devices(self: &Arc<Self>) {
        let credentials = self.credentials.clone();
        let look = tokio::task::spawn_blocking(move || credentials.store().pending_sign_ins());
        let Ok(Ok(pending)) = look.await else { return };
        for one in pending
            .iter()
            .filter(|one| one.user.starts_with("web:") && !one.is_over)
        {
            let Ok(user) = UserId::parse(&one.user) else {
                continue;
            };
            let Ok(service) = Service::parse(&one.service) else {
                continue;
            };
            let (credentials, of) = (self.credentials.clone(), (service.clone(), user.clone()));
            let look = tokio::task::spawn_blocking(move || credentials.waiting(&of.0, &of.1));
            if let Ok(Ok(Some(waiting))) = look.await
                && waiting.way == Some("device")
            {
                let owner = waiting.owner;
                self.wait_for_device(user, Tenant { service, owner }, waiting.begun);
            }
        }
    }

    /// How it ended; `None` if another one took its place.
    async fn ask(
        self: &Arc<Self>,
        user: &UserId,
        (service, begun): (&Service, Timestamp),
        owner: &Owner,
    ) -> Option<Device> {
        loop {
            let (web, who, whose) = (Arc::clone(self), user.clone(), owner.clone());
            let may = async move { may(&web, &who, &whose) };
            let completed = self.credentials.wait_for_code((service, begun), user, may);
            match completed.await {
                Ok(completed) => {
                    self.completed(user, &completed);
                    return Some(Device::Done(self.done(&completed)));
                }
                Err(error) if error.is_temporary() => {
                    tracing::info!(%service, %user, error = chain(&error), "a sign-in with a code waits on");
                    tokio::time::sleep(REST).await;
                }
                Err(SignInError::Replaced) => return None,
                Err(error) => {
                    tracing::info!(%service, %user, error = chain(&error), "a sign-in with a code did not work");
                    let title = self.title_of(service);
                    return Some(Device::Failed(words::of_code(&error, &title)));
                }
            }
        }
    }

    /// For the page that waits; `None` if it waits for no code.
    pub(super) fn device_state(&self, user: &UserId, service: &Service) -> Option<Result<Step, Refused>> {
        let state = self.waits.devices.get(&(user.clone(), service.clone()))?;
        Some(match &*state {
            Device::Waiting => Ok(Step::default()),
            Device::Done(html) => Ok(Step {
                html: html.clone(),
                done: true,
                ..Step::default()
            }),
            Device::Failed(refused) => Err(refused.clone()),
        })
    }

    /// How the last sign-in with a code ended, where it did not work.
    pub(in crate::web) fn failed_code(&self, user: &UserId, service: &Service) -> Option<String> {
        let state = self.waits.devices.get(&(user.clone(), service.clone()))?;
        match state.value() {
            Device::Failed(refused) => Some(crate::web::refusal::sentence(&refused.error)),
            Device::Waiting | Device::Done(_) => None,
        }
    }

    /// Another way worked.
    pub(super) fn forget_failed_code(&self, user: &UserId, service: &Service) {
        let is_failed = |_: &_, state: &Device| matches!(state, Device::Failed(_));
        let key = (user.clone(), service.clone());
        self.waits.devices.remove_if(&key, is_failed);
    }

    /// A link was given instead of a code, or there is no login any more.
    pub(super) fn forget_device(&self, user: &UserId, service: &Service) {
        self.waits.devices.remove(&(user.clone(), service.clone()));
    }
}

/// Whether the login may still be stored: everyone's only by an administrator, who may be none any more. Errors: why not.
fn may(web: &Web, user: &UserId, owner: &Owner) -> Result<(), String> {
    if *owner != Owner::Host || web.is_admin(user) {
        return Ok(());
    }
    Err(
        "only the administrator signs in for the whole host, and you are none any more: nothing was stored"
            .to_owned(),
    )
}
