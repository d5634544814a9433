//! What a thread's commands see and do not see, and do not get.

use super::*;

#[tokio::test]
async fn a_state_folder_that_a_command_opens_to_others_is_closed_again_and_told_of() {
    use std::os::unix::fs::PermissionsExt as _;
    let scene = Scene::signed_in().await;
    let state = scene.folder().canonicalize().expect("it is there");
    let private = std::fs::Permissions::from_mode(0o700);
    std::fs::set_permissions(&state, private).expect("it is ours");
    let host = Host::up(&scene, 0, ALLOW);
    let person = Person::enter(host.link()).await;
    let opened = [
        ("", "777", 0o700),
        ("auth.json", "644", 0o600),
        ("host.id", "000", 0o600),
    ];
    let path = |name: &str| {
        if name.is_empty() {
            state.clone()
        } else {
            state.join(name)
        }
    };
    let command: Vec<String> = opened
        .iter()
        .map(|(name, mode, _)| format!("chmod {mode} {} && echo opened", path(name).display()))
        .collect();
    let thread = person.open(&format!("run: {}", command.join("; "))).await;
    // If it could not, nothing would be shown.
    until(async || {
        let all = items(&scene, &thread).await;
        let output = all.iter().find_map(|item| match &item.body {
            Body::Tool(tool) => Some(tool.output.matches("opened\n").count()),
            _ => None,
        });
        (output == Some(opened.len())).then_some(())
    })
    .await;
    let mut told = String::new();
    for (name, mode, left) in opened {
        let path = path(name);
        let found = || {
            std::fs::metadata(&path)
                .expect("it is there")
                .permissions()
                .mode()
                & 0o777
        };
        until(async || (found() == left).then_some(())).await;
        let words = format!("path={} found={}", path.display(), mode.trim_start_matches("00"));
        until(async || {
            told.push_str(&host.told());
            told.contains(&words).then_some(())
        })
        .await;
    }
    assert!(told.contains("ERROR") && told.contains("changed back"), "{told}");
}

/// What a command gets to read that is not its thread's: the logins, the other thread's file, the environments of the host and
/// of its own worker. For each that it can read it says `read` and the number.
async fn looked_around(more: &str) -> String {
    let (scene, host, person) = host(&format!("{ALLOW}{more}")).await;
    let other = person.open("write: secret.txt planted-by-another-thread").await;
    until(async || (status(&host)["working"] == 0).then_some(())).await;
    let others = find(scene.folder(), "secret.txt").expect("the other thread has written its file");
    assert!(others.contains(&other), "{others}");
    let thread = person.open("run: echo mine > own.txt").await;
    let worker = until(async || {
        let report = status(&host);
        let workers = report["workers"].as_array()?.iter();
        let mut ours = workers.filter(|worker| worker["thread"] == id(&thread).to_string());
        let pid = ours.find_map(|worker| worker["pid"].as_i64())?;
        (report["working"] == 0).then_some(pid)
    })
    .await;
    let looks: Vec<String> = [
        format!("cat {}/auth.json", scene.folder().display()),
        format!("cat {others}"),
        format!("cat /proc/{}/environ", host.pid()),
        format!("cat /proc/{worker}/environ"),
    ]
    .iter()
    .enumerate()
    .map(|(number, look)| format!("{look} | tr '\\0' ' ' && echo read {number}; "))
    .collect();
    converse(
        &person,
        &thread,
        &format!("run: set -o pipefail; {}cat own.txt", looks.concat()),
    )
    .await;
    let items = items(&scene, &thread).await;
    let output = items.iter().rev().find_map(|item| match &item.body {
        Body::Tool(tool) => Some(tool.output.clone()),
        _ => None,
    });
    output.expect("it ran")
}

#[tokio::test]
async fn a_command_sees_its_own_workspace_and_nothing_of_the_host() {
    let output = looked_around("").await;
    assert!(output.contains("mine"), "{output}");
    for hidden in [
        "read ",
        "planted-by-another-thread",
        "refresh_token",
        "AGENT_HOST_HOME",
    ] {
        assert!(!output.contains(hidden), "{hidden}: {output}");
    }
}

#[tokio::test]
async fn without_the_cage_the_same_command_reads_all_of_it() {
    let output = looked_around("[cage]\nwithout = [\"capabilities\", \"landlock\"]\n").await;
    for shown in [
        "mine",
        "read 0",
        "read 1",
        "planted-by-another-thread",
        "refresh_token",
    ] {
        assert!(output.contains(shown), "{shown}: {output}");
    }
    // The programs protect their memory; of all others only root may look into it.
    let is_root = nix::unistd::geteuid().is_root();
    for shown in ["read 2", "read 3", "AGENT_HOST_HOME"] {
        assert_eq!(output.contains(shown), is_root, "{shown}: {output}");
    }
}

#[tokio::test]
async fn a_command_gets_no_answer_from_the_hosts_control_socket() {
    let (scene, host, person) = host(ALLOW).await;
    let socket = scene.folder().join("control.sock");
    let ask = format!(
        "python3 -c 'import socket; s = socket.socket(socket.AF_UNIX); s.connect(\"{}\"); s.sendall(b\"{{\\\"verb\\\":\\\"link\\\"}}\\n\"); print(\"answer\", s.recv(1000))'",
        socket.display()
    );
    // The same from outside the cage is answered, so that the question is known to be right.
    let outside = std::process::Command::new("bash")
        .args(["-c", &ask])
        .output()
        .expect("bash runs");
    let outside = String::from_utf8_lossy(&outside.stdout).into_owned();
    assert!(outside.contains("enter?key="), "{outside}");
    let thread = person.open(&format!("run: {ask}; echo asked")).await;
    let mut ear = person.listen(&thread).await;
    ear.until(Heard::is_idle).await;
    let items = items(&scene, &thread).await;
    let output = items.iter().find_map(|item| match &item.body {
        Body::Tool(tool) => Some(tool.output.clone()),
        _ => None,
    });
    let output = output.expect("it ran");
    assert!(output.contains("asked") && !output.contains("key="), "{output}");
    drop(host);
}

#[tokio::test]
async fn state_that_every_cage_would_show_is_refused() {
    let workspaces = tempfile::tempdir().expect("a folder can be made");
    let Ok(state) = tempfile::tempdir_in("/opt") else {
        eprintln!("skipped: /opt can't be written here");
        return;
    };
    let config = format!("[threads]\nworkspaces = \"{}\"\n", workspaces.path().display());
    std::fs::write(state.path().join("config.toml"), config).expect("it can be written");
    let ran = support::agent_host(state.path())
        .args(["up", "--listen", "127.0.0.1:0"])
        .output()
        .expect("it runs");
    let words = String::from_utf8_lossy(&ran.stderr).into_owned();
    assert_eq!(ran.status.code(), Some(1), "{words}");
    assert!(words.contains("it lies in a folder of the system"), "{words}");
}
