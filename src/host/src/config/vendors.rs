//! Vendors as the configuration declares them, filled with what the environment holds.

use credentials::{DeclaredVendor, VendorError, Vendors};

use super::document::Named;
use super::variables::{NOT_A_NAME, is_name};
use super::{Problem, Variables};

/// Adds the declared vendors, and says which were added.
pub(super) fn declare(
    vendors: &mut Vendors,
    tables: Vec<Named<DeclaredVendor>>,
    problems: &mut Vec<Problem>,
) -> Vec<String> {
    let mut added = Vec::new();
    for mut table in tables {
        let declared = &mut table.declared;
        for (key, name) in [
            ("client_secret_env", &mut declared.client_secret_env),
            ("key_env", &mut declared.key_env),
        ] {
            if name.take_if(|name| !is_name(name)).is_some() {
                let hint = "as in \"ACME_KEY\"; the secret itself does not belong in this file";
                problems.push(table.place.problem(Some(key), NOT_A_NAME).hint(hint));
            }
        }
        match vendors.declare(&table.name, &table.declared) {
            Ok(()) => added.push(table.name),
            Err(errors) => problems.extend(errors.iter().filter_map(|error| problem(&table, error))),
        }
    }
    added
}

/// Fills in keys, tokens and client secrets, by the names that the vendors give.
pub(super) fn fill(vendors: &mut Vendors, variables: &Variables) {
    vendors.for_each_mut(|vendor| {
        let environment = &mut vendor.environment;
        let secret = |name: &Option<String>| name.as_deref().and_then(|name| variables.secret(name));
        environment.key = secret(&environment.key_name);
        environment.token = secret(&environment.token_name);
        if let Some(endpoint) = &mut vendor.endpoint {
            endpoint.client_secret = secret(&environment.client_secret_name);
        }
    });
}

/// `None` for a fault that was told already: a key that is there, and wrong, is not missing.
fn problem(table: &Named<DeclaredVendor>, error: &VendorError) -> Option<Problem> {
    match error {
        VendorError::Missing { key, .. } if table.place.has(key) => None,
        VendorError::Missing { key: "grant", .. } => {
            let what = "`grant` is missing, and no vendor of this name is built in";
            let hint = "`grant` is \"pkce\", \"device\" or \"api-key\"";
            Some(table.place.problem(None, what).hint(hint))
        }
        _ => Some(table.place.problem(error.key(), error.to_string())),
    }
}
