//! What may be allowed for good, and what never.

use super::*;

#[test]
fn changes_of_the_work_may_be_allowed_for_good_and_those_of_what_rules_it_never() {
    let bench = Bench::new();
    for name in [
        ".git/config",
        "sub/.git/hooks/pre-commit",
        ".agent-host/settings",
        "AGENTS.md",
        "sub/AGENTS.md",
        "notes.md",
    ] {
        bench.put(name, "old");
    }
    std::os::unix::fs::symlink(".git/hooks", bench.path("innocent")).unwrap();
    std::os::unix::fs::symlink("AGENTS.md", bench.path("agents.txt")).unwrap();
    fs::create_dir_all(bench.path(".git/hooks")).unwrap();
    let write = |path: &str| {
        bench
            .prepare("write", &json!({ "path": path, "content": "new" }))
            .unwrap()
    };
    let edit = |path: &str| {
        let arguments = json!({ "path": path, "old_string": "old", "new_string": "new" });
        bench.prepare("edit", &arguments).unwrap()
    };
    for prepared in [
        write(".git/hooks/post-checkout"),
        write("innocent/post-checkout"),
        write("sub/../.git/config"),
        write(".agent-host/new/file"),
        write("AGENTS.md"),
        write("agents.md"),
        edit(".git/config"),
        edit("sub/.git/hooks/pre-commit"),
        edit(".agent-host/settings"),
        edit("agents.txt"),
        edit("sub/AGENTS.md"),
    ] {
        assert!(prepared.asks, "{}", prepared.title);
        assert_eq!(prepared.always, None, "{}", prepared.title);
    }
    let (one, two) = (
        write("src/main.rs").always.unwrap(),
        edit("notes.md").always.unwrap(),
    );
    assert_eq!(one, two, "one permission for both tools");
    assert_eq!(one.scope, "Always change files in this workspace");
    assert!(write(".gitignore").always.is_some());
}

#[test]
fn a_link_in_any_of_very_many_folders_is_found_and_what_can_not_be_looked_through_is_asked_about() {
    let bench = Bench::new();
    bench.put("notes.md", "old");
    bench.put("other.md", "old");
    for number in 0..600 {
        fs::create_dir_all(bench.path(format!("many/{number:05}"))).unwrap();
    }
    symlink("../../notes.md", bench.path("many/00599/AGENTS.md")).unwrap();
    let always = |path: &str| {
        let arguments = json!({ "path": path, "content": "new" });
        bench.prepare("write", &arguments).unwrap().always
    };
    assert_eq!(always("notes.md"), None);
    assert!(always("other.md").is_some());
    // More entries than are looked at.
    for number in 600..10_001 {
        fs::hard_link(bench.path("notes.md"), bench.path(format!("many/{number:05}"))).unwrap();
    }
    assert_eq!(always("other.md"), None);
}

#[test]
fn what_a_link_or_a_repository_makes_a_rule_of_the_work_is_asked_about_each_time() {
    let bench = Bench::new();
    for name in [
        "CLAUDE.md",
        "docs/rules.md",
        "docs/real.md",
        "docs/other.md",
        "sub/x",
        "a/b/x",
        "new/x",
        "round/x",
        "back/x",
        "docs/back.md",
        "store/x",
        "bare/HEAD",
        "bare/objects/x",
        "bare/refs/x",
        "half/HEAD",
        "half/objects/x",
        "tree/HEAD",
        "tree/commondir",
    ] {
        bench.put(name, "old");
    }
    for (target, link) in [
        ("CLAUDE.md", "AGENTS.md"),
        ("../docs/rules.md", "sub/AGENTS.md"),
        ("../../docs/way.md", "a/b/AGENTS.md"),
        ("real.md", "docs/way.md"),
        ("missing/rules.md", "new/AGENTS.md"),
        ("AGENTS.md", "round/AGENTS.md"),
        // Leads there as soon as somebody makes those folders.
        ("gone/away/../../../docs/back.md", "back/AGENTS.md"),
        ("../store", "sub/.git"),
    ] {
        symlink(target, bench.path(link)).unwrap();
    }
    let always = |path: &str| {
        let arguments = json!({ "path": path, "content": "new" });
        bench.prepare("write", &arguments).unwrap().always
    };
    for path in [
        "AGENTS.md",
        "CLAUDE.md",
        "docs/rules.md",
        "a/b/AGENTS.md",
        "docs/real.md",
        "docs/way.md",
        "docs/back.md",
        "new/missing/rules.md",
        "sub/.git/hooks/update",
        "store/hooks/update",
        "x.git/hooks/update",
        "X.GIT/config",
        "bare/hooks/update",
        "half/refs/heads/main",
        "tree/config",
    ] {
        assert_eq!(always(path), None, "{path}");
    }
    let arguments = json!({ "path": "CLAUDE.md", "old_string": "old", "new_string": "new" });
    assert_eq!(bench.prepare("edit", &arguments).unwrap().always, None);
    for path in [
        "docs/other.md",
        "docs/new.md",
        "half/notes",
        "round/x",
        "sub/x",
        ".gitignore",
    ] {
        assert!(always(path).is_some(), "{path}");
    }
}
