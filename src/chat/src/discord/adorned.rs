//! Messages that have something in them that came to Discord after this version of the program.

use serde_json::{Value, json};

/// Leaves who said what, to whom, and what it answers.
pub(super) fn undress(message: &mut Value) {
    const ADORNMENTS: [&str; 10] = [
        "activity",
        "application",
        "call",
        "components",
        "interaction",
        "interaction_metadata",
        "message_snapshots",
        "poll",
        "role_subscription_data",
        "sticker_items",
    ];
    if let Some(fields) = message.as_object_mut() {
        fields.retain(|name, _| !ADORNMENTS.contains(&name.as_str()));
        fields.insert("embeds".to_owned(), json!([]));
        if let Some(answered) = fields.get_mut("referenced_message") {
            undress(answered);
        }
    }
}
