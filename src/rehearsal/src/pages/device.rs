//! The page on which a person types the code a device shows.

use super::consent::{answer_fields, scopes};
use super::{Escaped, document};
use crate::ledger::WaitingDevice;

/// The device page; `waiting` is what waits under the code that came with the address, if any.
pub(crate) fn device(user_code: &str, waiting: Option<&WaitingDevice>) -> String {
    let about = match waiting {
        Some(device) => format!(
            "<p><strong>{}</strong> asks for access. Go on only if your device shows this very code.</p>\n{}",
            Escaped(&device.client_name),
            scopes(&device.scope)
        ),
        None => "<p>Type the code that your device shows.</p>\n".to_owned(),
    };
    document(
        "Connect a device",
        &format!(
            "{about}<form method=\"post\">\n<label for=\"user_code\">Code on the device</label>\n\
             <input id=\"user_code\" name=\"user_code\" value=\"{}\" required maxlength=\"16\" autocomplete=\"off\" \
             autocapitalize=\"characters\" spellcheck=\"false\">\n{}</form>",
            Escaped(user_code),
            answer_fields(),
        ),
    )
}
