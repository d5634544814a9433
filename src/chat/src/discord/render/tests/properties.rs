//! What holds of every turn.

use super::*;

fn anything() -> impl Strategy<Value = Body> {
    let text = || {
        prop_oneof![
            "(.|\n|`|\\*|@everyone |<@1>){0,80}",
            "[`*_~]{900,2500}",
            "(word |漢|👩){0,900}"
        ]
    };
    let status = prop_oneof![
        Just(ToolStatus::Pending),
        Just(ToolStatus::Running),
        Just(ToolStatus::Completed),
        Just(ToolStatus::Failed),
        Just(ToolStatus::Stopped),
        Just(ToolStatus::Cut)
    ];
    let kind = prop_oneof![Just(ToolKind::Execute), Just(ToolKind::Read)];
    prop_oneof![
        1 => text().prop_map(|text| Body::Answer { text }),
        1 => text().prop_map(|text| Body::Thought { text }),
        4 => (text(), text(), status, kind, any::<i32>()).prop_map(|(title, input, status, kind, exit)| {
            Body::Tool(ToolCall { kind, input, exit: Some(exit), ..call(&title, status) })
        }),
        1 => text().prop_map(|text| Body::Plan { entries: vec![PlanEntry { text, status: PlanStatus::Running }; 30] }),
        1 => (text(), text()).prop_map(|(title, detail)| match permission(&detail, None) {
            Body::Permission { request, call, asker, kind, detail, diffs, until, decision, options, .. } => {
                Body::Permission { request, call, asker, kind, title, detail, diffs, until, decision, options }
            }
            other => other,
        }),
        1 => (text(), text()).prop_map(|(by, reason)| permission(&reason, Some(Decision::Denied { by, reason: Some(reason.clone()) }))),
        1 => (text(), text()).prop_map(|(title, reason)| Body::Login { service: "x".into(), title, reason, ended: None }),
        1 => text().prop_map(|name| Body::File(Attachment { path: name.clone(), name, size: 1 << 40, mime: String::new() })),
        1 => text().prop_map(|text| Body::Note { kind: NoteKind::Info, text, retry: None }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, ..ProptestConfig::default() })]

    #[test]
    fn every_message_fits_into_discord_and_has_a_key_of_its_own(bodies in prop::collection::vec(anything(), 0..12), is_over in any::<bool>(), files in any::<bool>()) {
        let items: Vec<Item> = (1..).zip(bodies).map(|(id, body)| item(id, body)).collect();
        let footer = Footer { elapsed: Some(Duration::from_secs(1)), model: Some("m".repeat(99)), usage: Some((1, 2)) };
        let progress = if is_over { Progress::Over { footer } } else { Progress::Running };
        let look = if files { look() } else { without_files() };
        let shown = messages(&items, &progress, &look);
        let mut parts: Vec<i64> = shown.iter().map(|message| message.key.delivery_part()).collect();
        for message in &shown {
            prop_assert!(units(&message.content) <= LONGEST_MESSAGE, "{} {}", units(&message.content), message.content);
            prop_assert!(!message.content.trim().is_empty());
            prop_assert!(message.buttons.len() <= 5 && message.files.len() <= 10);
            prop_assert!(message.buttons.iter().all(|button| units(&button.label) <= LONGEST_BUTTON));
            prop_assert!(message.files.iter().all(|file| file.name == file_name(&file.name)));
        }
        prop_assert_eq!(&shown, &messages(&items, &progress, &look));
        let words: Vec<i64> = shown
            .iter()
            .filter(|message| !message.content.contains('📎'))
            .map(|message| message.key.delivery_part())
            .collect();
        prop_assert!(words.is_sorted(), "messages stand in the order of their entries");
        parts.sort_unstable();
        parts.dedup();
        prop_assert_eq!(parts.len(), shown.len());
    }

    #[test]
    fn what_was_shown_keeps_its_place_while_the_turn_goes_on(bodies in prop::collection::vec(anything(), 1..12)) {
        let items: Vec<Item> = (1..).zip(bodies).map(|(id, body)| item(id, body)).collect();
        let keys = |items: &[Item]| -> Vec<Key> {
            messages(items, &Progress::Running, &look()).iter().map(|message| message.key).collect()
        };
        let whole = keys(&items);
        for count in 0..items.len() {
            // An answer may have more messages in the end; none that was there vanishes.
            let lost = keys(&items[..count]).into_iter().find(|key| !whole.contains(key));
            prop_assert_eq!(lost, None, "after {} entries", count);
        }
    }
}
