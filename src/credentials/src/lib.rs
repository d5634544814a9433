//! Credentials that any number of processes share: one multi-tenant `auth.json`, and no refresh token spent twice.
//!
//! ```no_run
//! use credentials::{Credentials, Need, Refresher, Service, Store, Tenant, Vendors};
//!
//! fn main() -> Result<(), Box<dyn std::error::Error>> {
//!     // Every program that refreshes through a process of its own starts like this.
//!     credentials::refresh_child_main();
//!     let store = Store::open("state/auth.json".as_ref(), false)?;
//!     let credentials = Credentials::new(store, Vendors::builtin(None), Refresher::this_program()?);
//!     let token = credentials.token_blocking(&Tenant::host(Service::parse("codex")?), &Need::default())?;
//!     println!("good until {:?}", token.expires_at);
//!     Ok(())
//! }
//! ```
//!
//! **What holds.** No refresh token is used twice at the same time or blindly, and no SIGKILL of a caller, a worker or a
//! host, alone or with its process group, loses a rotated one. A SIGKILL of the refresher itself, or a loss of power,
//! between the server's answer and its write to the recovery file can; then the user is told.
//!
//! **What does not.** With [`Refresher::InProcess`] a kill of the program in the middle of a refresh loses the login.
//!
//! The crate knows no chat, no worker and no model. `adr/0002` has the file format and the protocol.

mod clock;
mod credentials;
mod digest;
mod entry;
mod fault;
mod file;
mod lock;
mod memory;
mod oauth;
mod panics;
mod precedence;
mod refresh;
mod scopes;
mod sendable;
mod sign_in;
mod store;
mod tenant;
mod tls;
mod vendor;
pub mod words;

pub use clock::Timestamp;
pub use credentials::{Credentials, LoginReason, Refresher, RefusedVariable, Token, TokenError};
pub use digest::Fingerprint;
pub use entry::{Account, ApiKey, Credential, Entry, Grant, Invalidated, Need, ObtainedBy, State};
pub use file::{FILE_VERSION, FileError, MAX_FILE_BYTES, refuse_foreign_folder};
pub use lock::{
    Cancel, Dead, Failed, GLOBAL_WAIT, Holder, HolderWords, LockError, Record, RefusedSecret, Sent,
};
pub use memory::protect as protect_memory;
pub use oauth::ExchangeError;
pub use panics::quiet_panics;
pub use precedence::{Payer, Situation, Standing, whose_login_pays};
pub use refresh::{
    NETWORK_VARIABLES, REFRESHER_LIMIT, REQUEST_LIMIT, REVOKE_LIMIT, WAIT_LIMIT, refresh_child_main,
};
pub use scopes::covers;
pub use sendable::unsendable;
pub use sign_in::{
    Begun, Completed, LINK_LIFE, LONGEST_SIGN_IN, Meant, PasteError, Revoked, SignInError, SignedOut,
    Waiting, api_key,
};
pub use store::{FileHealth, Leftover, PendingHealth, Store, StoreError, TenantHealth, Unreadable};
pub use tenant::{FileId, MAX_NAME_BYTES, NameError, Owner, Service, Tenant, UserId};
pub use tls::{TlsError, tls};
pub use vendor::{
    BodyFormat, DeclaredVendor, Device, DeviceWire, Environment, GrantName, Pkce, Renewal, TokenEndpoint,
    Vendor, VendorError, VendorGap, Vendors, Way, is_loopback, is_safe,
};
