//! The door, as it looks to somebody who is not in: each way in, and what went wrong.

use secrecy::SecretString;

use super::viewer;
use crate::web::config::Access;
use crate::web::enter::{Outside, door_page, link_page};
use crate::web::people::Person;

/// All of them by name.
pub(super) fn all() -> [(&'static str, String); 7] {
    let password = Access::Password(SecretString::from("a password that is long"));
    let proxy = Access::Header {
        name: "x-user".into(),
        admins: vec![],
    };
    let public = "https://agents.example.org/".parse().unwrap();
    let person = Person {
        user: viewer().user,
        name: "Alice".into(),
        admin: false,
    };
    [
        ("door", door_page(&Access::Loopback, None, Outside::Unknown)),
        (
            "door-link-used",
            door_page(
                &Access::Loopback,
                None,
                Outside::Refused("This link was used already."),
            ),
        ),
        (
            "door-signed-out",
            door_page(&Access::Loopback, None, Outside::SignedOut),
        ),
        ("door-link", link_page(Some(&person), None)),
        ("password", door_page(&password, None, Outside::Unknown)),
        (
            "password-wrong",
            door_page(&password, None, Outside::Refused("That is not the password.")),
        ),
        ("proxy", door_page(&proxy, Some(&public), Outside::Unknown)),
    ]
}
