//! What a caged command tries, and does not get.

use std::fs::{self, File};
use std::os::fd::AsRawFd as _;
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::{SocketAddr, UnixListener};
use std::process::{Child, Command, Stdio};

use nix::fcntl::{FcntlArg, FdFlag, fcntl};

use super::{Scene, scenes};
use crate::{Layer, child, probe};

pub(super) const PLANTED: &str = "planted-secret";

/// Runs an attack in the whole cage, then without these layers. It must find `PLANTED` only the second time.
pub(super) fn fenced_by(layers: &[Layer], script: impl Fn(&Scene) -> String) {
    for scene in scenes() {
        let script = script(&scene);
        let caged = scene.shell(&[], &script);
        assert!(!caged.text.contains(PLANTED), "user {:?}: {caged:?}", scene.user);
        let free = scene.shell(layers, &script);
        assert!(
            free.text.contains(PLANTED),
            "user {:?}: the attack can't succeed at all: {free:?}",
            scene.user
        );
    }
}

#[test]
fn the_credentials_are_not_readable() {
    fenced_by(&[Layer::Landlock], |scene| {
        format!("cat {}", scene.secret().display())
    });
}

#[test]
fn another_threads_workspace_is_not_readable() {
    fenced_by(&[Layer::Landlock], |scene| {
        format!("cat {}/threads/two/notes", scene.state().display())
    });
}

#[test]
fn a_link_out_of_the_workspace_leads_nowhere() {
    fenced_by(&[Layer::Landlock], |scene| {
        format!("ln -sfn {} out && cat out/auth.json", scene.state().display())
    });
}

#[test]
fn the_credentials_are_not_linked_moved_or_emptied() {
    for scene in scenes() {
        let secret = scene.secret();
        // `true` and not `:`, whose failed redirection would end the shell here.
        let script = format!(
            "ln {0} stolen; mv {0} stolen; rm -f {0}; true > {0}; truncate -s 0 {0}; echo x >> {0}; chmod 666 {0} 2>&1",
            secret.display()
        );
        scene.shell(&[], &script);
        // Its place and its content hold. Its mode does not: Landlock has no hook for it, and the owner may set it.
        assert_eq!(fs::read_to_string(&secret).unwrap(), PLANTED);
        assert_eq!(fs::metadata(&secret).unwrap().permissions().mode() & 0o777, 0o666);
        assert!(!scene.workspace().join("stolen").exists());

        scene.shell(&[Layer::Landlock], &format!("truncate -s 0 {}", secret.display()));
        assert_eq!(fs::read_to_string(&secret).unwrap(), "");
    }
}

#[test]
fn nothing_is_written_outside_the_workspace() {
    for scene in scenes() {
        let target = scene.state().join("planted");
        let script = format!("echo x > {}", target.display());
        assert!(!scene.shell(&[], &script).success);
        assert!(!target.exists());
        assert!(scene.shell(&[Layer::Landlock], &script).success);
        assert!(target.exists());
    }
}

#[test]
fn the_shared_temporary_folder_is_not_there() {
    for scene in scenes() {
        assert!(!scene.shell(&[], "ls /tmp").success);
        assert!(scene.shell(&[], "f=$(mktemp) && echo x > $f && case $f in $HOME/../tmp/*|*/.agent-host/tmp/*) ;; *) exit 1;; esac").success);
    }
}

/// A process of the same user outside the cage, with a secret in its environment and one in its command line.
pub(super) struct Neighbour(pub(super) Child);

impl Neighbour {
    pub(super) fn of(scene: &Scene) -> Self {
        use std::os::unix::process::CommandExt as _;
        let mut command = Command::new("sleep");
        command.arg("1000").env("PLANTED", PLANTED).stdin(Stdio::null());
        if let Some(user) = scene.user {
            command.uid(user).gid(user);
        }
        Self(command.spawn().unwrap())
    }

    fn is_alive(&mut self) -> bool {
        self.0.try_wait().unwrap().is_none()
    }
}

impl Drop for Neighbour {
    fn drop(&mut self) {
        // It may have been killed already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn the_environment_of_another_process_is_not_readable() {
    for scene in scenes() {
        let neighbour = Neighbour::of(&scene);
        let script = format!("tr '\\0' '\\n' < /proc/{}/environ", neighbour.0.id());
        let caged = scene.shell(&[], &script);
        assert!(!caged.text.contains(PLANTED), "{caged:?}");
        // Each of the two keeps root from it; Landlock alone everybody else.
        let free = scene.shell(&[Layer::Landlock, Layer::Capabilities], &script);
        assert!(free.text.contains(PLANTED), "{free:?}");
    }
}

#[test]
fn a_host_that_shows_proc_still_shows_no_environment() {
    for scene in scenes() {
        let neighbour = Neighbour::of(&scene);
        let mut policy = scene.policy(&[]);
        policy.readable.push("/proc".into());
        let cage = crate::Cage::prepare(&policy).unwrap();
        let read = |file: &str| {
            let mut command = cage.command("cat", [format!("/proc/{}/{file}", neighbour.0.id())]);
            if let Some(user) = scene.user {
                std::os::unix::process::CommandExt::uid(&mut command, user);
            }
            command.output().unwrap()
        };
        assert!(read("cmdline").status.success());
        assert!(!read("environ").status.success());
        assert!(!read("maps").status.success());
    }
}

#[test]
fn other_peoples_command_lines_are_not_readable() {
    for scene in scenes() {
        let neighbour = Neighbour::of(&scene);
        let script = format!("cat /proc/{}/cmdline", neighbour.0.id());
        assert!(!scene.shell(&[], &script).success);
        assert!(scene.shell(&[Layer::Landlock], &script).success);
    }
}

#[test]
fn our_variables_are_not_passed_on() {
    // Cargo and every shell set this one.
    let ours = "CARGO_MANIFEST_DIR=";
    assert!(std::env::var("CARGO_MANIFEST_DIR").is_ok());
    for scene in scenes() {
        assert!(!scene.shell(&[], "env").text.contains(ours));
        assert!(scene.shell(&[Layer::Environment], "env").text.contains(ours));
        let names: Vec<String> = scene
            .run(&[], "env", &[])
            .text
            .lines()
            .map(|line| line.split('=').next().unwrap().to_owned())
            .collect();
        assert_eq!(names, ["HOME", "LANG", "PATH", "TERM", "TMPDIR", "USER"]);
    }
}

#[test]
fn an_inherited_descriptor_is_closed() {
    for scene in scenes() {
        let file = File::open(scene.secret()).unwrap();
        fcntl(&file, FcntlArg::F_SETFD(FdFlag::empty())).unwrap();
        let script = format!("cat <&{}", file.as_raw_fd());
        let caged = scene.shell(&[], &script);
        assert!(!caged.text.contains(PLANTED), "{caged:?}");
        let free = scene.shell(&[Layer::Descriptors], &script);
        assert!(free.text.contains(PLANTED), "{free:?}");
    }
}

#[test]
fn a_process_outside_gets_no_signal() {
    if child::landlock_abi().unwrap() < 6 {
        return;
    }
    for scene in scenes() {
        let mut neighbour = Neighbour::of(&scene);
        let script = format!("kill -KILL {}", neighbour.0.id());
        assert!(!scene.shell(&[], &script).success);
        assert!(neighbour.is_alive());
        assert!(scene.shell(&[Layer::Landlock], &script).success);
        neighbour.0.wait().unwrap();
    }
}

#[test]
fn an_abstract_socket_outside_is_not_reachable() {
    if child::landlock_abi().unwrap() < 6 || !std::path::Path::new("/usr/bin/python3").exists() {
        return;
    }
    for scene in scenes() {
        let name = format!("agent-host-cage-{}-{:?}", std::process::id(), scene.user);
        let _listener = UnixListener::bind_addr(&SocketAddr::from_abstract_name(&name).unwrap()).unwrap();
        let code = format!("import socket; socket.socket(socket.AF_UNIX).connect('\\0{name}')");
        let connect = ["-c", code.as_str()];
        assert!(!scene.run(&[], "/usr/bin/python3", &connect).success);
        let free = scene.run(&[Layer::Landlock], "/usr/bin/python3", &connect);
        assert!(free.success, "{free:?}");
    }
}

#[test]
fn root_gets_no_capability_back() {
    let show = "grep -E 'Cap(Prm|Eff|Bnd)' /proc/self/status";
    for scene in scenes() {
        let mut policy = scene.policy(&[]);
        policy.readable.push("/proc".into());
        let cage = crate::Cage::prepare(&policy).unwrap();
        let output = cage.command("sh", ["-c", show]).output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        let sets: Vec<&str> = text
            .lines()
            .filter_map(|line| line.split_whitespace().nth(1))
            .collect();
        assert_eq!(sets.len(), 3, "{text}");
        assert_eq!(sets[0].trim_start_matches('0'), "");
        assert_eq!(sets[1].trim_start_matches('0'), "");
        if nix::unistd::Uid::effective().is_root() {
            assert_eq!(sets[2].trim_start_matches('0'), "", "the bounding set");
            let free = scene.shell(&[Layer::Capabilities, Layer::Landlock], show);
            let kept = scene.user.is_none();
            assert_eq!(
                free.text
                    .lines()
                    .any(|line| line.starts_with("CapEff") && !line.ends_with("0000000000")),
                kept
            );
        }
    }
}

#[test]
fn a_setuid_program_gives_no_rights() {
    if !nix::unistd::Uid::effective().is_root() || !std::path::Path::new("/usr/bin/id").exists() {
        eprintln!("not tested: a setuid program needs root to make it");
        return;
    }
    let scene = Scene::new(Some(super::UNPRIVILEGED));
    let tool = scene.workspace().join("id");
    fs::copy("/usr/bin/id", &tool).unwrap();
    fs::set_permissions(&tool, std::os::unix::fs::PermissionsExt::from_mode(0o4755)).unwrap();
    assert_ne!(scene.shell(&[], "./id -u").text.trim(), "0");
    let free = scene.shell(
        &[
            Layer::NoNewPrivileges,
            Layer::Landlock,
            Layer::Calls,
            Layer::Capabilities,
        ],
        "./id -u",
    );
    assert_eq!(free.text.trim(), "0", "the attack can't succeed at all");
}

#[test]
fn a_large_file_meets_its_limit() {
    for scene in scenes() {
        let script = "truncate -s 9G big && echo planted-secret";
        assert!(!scene.shell(&[], script).text.contains(PLANTED));
        assert!(scene.shell(&[Layer::Limits], script).text.contains(PLANTED));
    }
}

#[test]
fn every_layer_holds_on_the_machine_of_the_tests() {
    for (layer, status) in probe() {
        assert!(status.holds(), "{layer}: {}", status.words());
    }
}
