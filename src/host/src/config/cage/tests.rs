//! Which folders may be readable.

use std::fs;
use std::os::unix::fs::symlink;

use super::*;

#[test]
fn a_folder_that_shows_state_logins_or_workspaces_is_refused_under_any_name() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().canonicalize().unwrap();
    for name in [
        "state/threads",
        "logins/sub",
        "work/one",
        "data",
        "programs",
        "project/agents/one",
    ] {
        fs::create_dir_all(root.join(name)).unwrap();
    }
    fs::write(root.join("file"), "").unwrap();
    symlink(root.join("state"), root.join("link")).unwrap();
    symlink(root.join("data"), root.join("good")).unwrap();
    let (state, store, workspaces) = (
        root.join("state"),
        root.join("logins/auth.json"),
        root.join("work"),
    );
    let hidden = Hidden {
        state: &state,
        store: &store,
        workspaces: &workspaces,
        of_channels: &[root.join("project/agents")],
    };
    let check = |path: &Path| checked(path, &hidden);
    for (name, words) in [
        ("state", "the state folder"),
        ("state/threads", "the state folder"),
        ("link", "the state folder"),
        ("data/../state", "the state folder"),
        ("logins", "the logins"),
        ("", "the state folder"),
        ("work", "each other's workspaces"),
        ("work/one", "each other's workspaces"),
        ("project", "a channel's threads"),
        ("project/agents/one", "a channel's threads"),
        ("file", "is not a folder"),
        ("nothing", "can't be reached"),
    ] {
        let what = check(&root.join(name)).unwrap_err();
        assert!(what.contains(words), "{name}: {what}");
    }
    assert!(check(Path::new("/")).unwrap_err().contains("everything"));
    assert!(check(Path::new("data")).unwrap_err().contains("absolute"));
    assert_eq!(check(&root.join("good")).unwrap(), root.join("data"));
    assert_eq!(check(&root.join("logins/sub")).unwrap(), root.join("logins/sub"));
}

#[test]
fn a_state_folder_that_is_not_there_yet_is_hidden_all_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().canonicalize().unwrap();
    fs::create_dir(root.join("real")).unwrap();
    symlink(root.join("real"), root.join("link")).unwrap();
    let state = root.join("link/later/state");
    let hidden = Hidden {
        state: &state,
        store: &state.join("auth.json"),
        workspaces: &state.join("workspaces"),
        of_channels: &[],
    };
    let what = checked(&root.join("real"), &hidden).unwrap_err();
    assert!(what.contains("would show the state folder"), "{what}");
}
