//! Files that an agent offers.

use super::*;

#[test]
fn files_are_offered_and_too_large_ones_explained() {
    let offered = over([file("out/re po`rt.pdf", 2048)]).remove(0);
    assert_eq!(offered.content, "📎 `` re po`rt.pdf `` (2 KiB)\n-# 1 s");
    assert_eq!(offered.files[0].name, "re_po_rt.pdf");
    let large = over([file("out/report.pdf", 30 << 20)]).remove(0);
    assert!(large.files.is_empty());
    assert_eq!(
        large.content,
        "📎 `report.pdf` is 30 MiB, and Discord takes 10 MiB here. It stays in the workspace: `out/report.pdf`\n-# 1 s"
    );
}

#[test]
fn the_files_of_a_turn_come_together_behind_its_last_words_and_part_no_tool_lines() {
    let make = |number: u64| {
        let title = format!("offer f{number}");
        let tool = Body::Tool(call(&title, ToolStatus::Completed));
        [tool, file(&format!("f{number}"), number)]
    };
    let bodies = (1..=12)
        .flat_map(make)
        .chain([file("f1", 999), answer("All made.")]);
    let items: Vec<Item> = (1..)
        .zip(bodies.clone())
        .map(|(id, body)| item(id, body))
        .collect();
    let shown = running(&items);
    assert_eq!(shown.len(), 2, "{shown:?}");
    assert_eq!(shown[0].content.lines().count(), 12);
    assert!(
        shown.iter().all(|message| message.files.is_empty()),
        "while it runs"
    );
    let Details { content, .. } = details(&items, ItemId(1)).unwrap();
    assert!(content.contains("offer f12"), "{content}");
    let shown = over(bodies);
    assert_eq!(shown[1].content, "All made.\n-# 1 s");
    let names = |message: &DesiredMessage| -> Vec<String> {
        message.files.iter().map(|file| file.name.clone()).collect()
    };
    let ten: Vec<String> = (2..=11).map(|number| format!("f{number}")).collect();
    assert_eq!(names(&shown[2]), ten);
    assert_eq!(
        names(&shown[3]),
        ["f12", "f1"],
        "what was offered again counts as it was last"
    );
    assert_eq!(shown[2].content.lines().count(), 10);
    assert_eq!(shown[2].key.item, ItemId(4), "its first entry names it");
}

#[test]
fn a_message_has_no_more_bytes_of_files_than_discord_takes() {
    let mib = 1 << 20;
    let shown = over([
        file("a", 6 * mib),
        file("b", 6 * mib),
        file("huge", 99 * mib),
        file("c", 4 * mib),
    ]);
    let counts: Vec<usize> = shown.iter().map(|message| message.files.len()).collect();
    assert_eq!(counts, [1, 2]);
    assert!(shown[1].content.contains("`huge` is 99 MiB"));
}
