//! What `deploy/` says, held against what the programs promise, and done.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use support::{Heard, Host, Person, Scene, agent_host, program};
use yaml_rust2::{Yaml, YamlLoader};

mod clean_root;
mod service;
mod system;

fn source() -> PathBuf {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
    tests.parent().expect("tests lie in the workspace").to_owned()
}

fn deployed(name: &str) -> String {
    fs::read_to_string(source().join("deploy").join(name)).expect("it is there")
}

/// The values of each key, by `Section.Key`.
fn unit() -> BTreeMap<String, Vec<String>> {
    let text = deployed("agent-host.service");
    let mut section = String::new();
    let mut keys: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for line in text
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
    {
        if let Some(name) = line.strip_prefix('[').and_then(|line| line.strip_suffix(']')) {
            name.clone_into(&mut section);
            continue;
        }
        let (key, value) = line.split_once('=').expect("a key and its value");
        keys.entry(format!("{section}.{key}"))
            .or_default()
            .push(value.to_owned());
    }
    keys
}

/// The command line means something to this version.
#[track_caller]
fn means_something(words: &[&str]) {
    let home = tempfile::tempdir().expect("a folder can be made");
    let mut command = agent_host(home.path());
    let output = command.args(words).arg("--help").output().expect("it starts");
    let told = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success() && told.contains("Runs the host"),
        "{words:?}: {told}"
    );
}

/// A configuration is fine where these secrets are handed over as files.
#[track_caller]
fn is_fine(config: &str, secrets: &[&str]) {
    let home = tempfile::tempdir().expect("a folder can be made");
    let given = home.path().join("given");
    fs::create_dir(&given).expect("a folder can be made");
    for name in secrets {
        let secret = "MTE1aaaaaaaaaaaaaaaaaaaa.Gabcde.aaaaaaaaaaaaaaaaaaaaaaaaaaa\n";
        fs::write(given.join(name), secret).expect("a file can be written");
    }
    let path = home.path().join("config.toml");
    fs::write(&path, config).expect("a file can be written");
    let mut command = agent_host(home.path());
    command
        .env("CREDENTIALS_DIRECTORY", &given)
        .args(["config", "check"]);
    let output = command.output().expect("it starts");
    let told = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{told}");
    assert!(
        told.contains("Discord with the token from the service's credential DISCORD_TOKEN"),
        "{told}"
    );
}

#[test]
fn the_unit_lets_the_host_end_its_way_and_leaves_the_cage_working() {
    let unit = unit();
    let only = |key: &str| {
        let values = &unit[key];
        assert_eq!(values.len(), 1, "{key}");
        values[0].as_str()
    };
    for (key, value) in [
        ("Service.Type", "notify"),
        ("Service.KillMode", "control-group"),
        ("Service.KillSignal", "SIGTERM"),
        ("Service.OOMPolicy", "continue"),
        ("Service.Delegate", "yes"),
        ("Service.NoNewPrivileges", "yes"),
        ("Service.CapabilityBoundingSet", ""),
        ("Service.ProtectSystem", "strict"),
        ("Service.StateDirectoryMode", "0700"),
        ("Service.UMask", "0077"),
    ] {
        assert_eq!(only(key), value, "{key}");
    }
    assert_ne!(only("Service.User"), "root");
    let state = format!("AGENT_HOST_HOME=/var/lib/{}", only("Service.StateDirectory"));
    assert_eq!(only("Service.Environment"), state);
    let words: Vec<&str> = only("Service.ExecStart").split(' ').collect();
    assert_eq!(words[0], "/usr/local/bin/agent-host");
    means_something(&words[1..]);
    for key in [
        "MemoryDenyWriteExecute",
        "ProtectControlGroups",
        "ProtectKernelTunables",
        "ProtectProc",
        "RestrictNamespaces",
    ] {
        assert!(
            !unit.contains_key(&format!("Service.{key}")),
            "{key} breaks what the unit says it would"
        );
    }
    assert!(unit["Service.RestrictAddressFamilies"][0].contains("AF_INET6"));
}

#[test]
fn secrets_reach_the_service_as_files_of_the_names_that_the_configuration_says() {
    let unit = unit();
    let ids = |key: &str| -> Vec<String> {
        let values = unit[key].iter();
        values
            .map(|value| value.split(':').next().unwrap_or_default().to_owned())
            .collect()
    };
    let ids_of_files = ids("Service.LoadCredential");
    assert_eq!(
        ids_of_files,
        ids("Service.SetCredential"),
        "one that is not there must not stop the start"
    );
    let names: Vec<&str> = ids_of_files.iter().map(String::as_str).collect();
    assert!(names.contains(&"DISCORD_TOKEN"), "{names:?}");
    is_fine(&deployed("config.toml"), &names);
    assert!(!deployed("agent-host.service").contains("Environment=DISCORD"));
}

#[test]
fn systemd_understands_the_unit() {
    if Command::new("systemd-analyze").arg("--version").output().is_err() {
        left_out("systemd-analyze is not here");
        return;
    }
    let folder = tempfile::tempdir().expect("a folder can be made");
    let file = folder.path().join("agent-host.service");
    let here = program("agent-host").display().to_string();
    let text = deployed("agent-host.service").replace("/usr/local/bin/agent-host", &here);
    let analyze = |words: &[&str], text: &str| {
        fs::write(&file, text).expect("a file can be written");
        let mut command = Command::new("systemd-analyze");
        command.args(words).arg(&file).output().expect("it starts")
    };
    let verify = |text: &str| {
        let output = analyze(&["verify", "--man=no"], text);
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        let of_ours = told.lines().filter(|line| line.contains("agent-host.service"));
        of_ours.map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(verify(&text), Vec::<String>::new());
    let wrong = text.replace("KillMode=control-group", "KillMode=gently");
    assert!(!verify(&wrong).is_empty(), "it would not have said anything");

    // In tenths; 50 is "medium". What is left open is said in the unit. Later versions count a little differently.
    let exposed = |text: &str| {
        let output = analyze(&["security", "--offline=true", "--threshold=40"], text);
        (!output.status.success()).then(|| String::from_utf8_lossy(&output.stdout).into_owned())
    };
    assert_eq!(exposed(&text), None);
    let open = text.replace("CapabilityBoundingSet=\n", "");
    assert!(exposed(&open).is_some(), "it would not have said anything");
}

#[test]
fn the_container_is_built_from_all_of_it_and_runs_without_rights() {
    let text = deployed("Containerfile").replace("\\\n", " ");
    let lines: Vec<(&str, &str)> = text
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .map(|line| line.split_once(' ').expect("an instruction and its words"))
        .collect();
    let known = [
        "ARG",
        "FROM",
        "WORKDIR",
        "COPY",
        "RUN",
        "ENV",
        "VOLUME",
        "USER",
        "STOPSIGNAL",
        "ENTRYPOINT",
        "CMD",
    ];
    assert!(
        lines.iter().all(|(instruction, _)| known.contains(instruction)),
        "{lines:?}"
    );
    let stages: Vec<usize> = (0..lines.len()).filter(|at| lines[*at].0 == "FROM").collect();
    assert_eq!(stages.len(), 2, "the toolchain stays behind");
    let (build, last) = lines.split_at(stages[1]);
    let default_of = |image: &str| {
        let argument = image.strip_prefix("${").and_then(|image| image.split('}').next());
        let argument = format!("{}=", argument.expect("another image can be named"));
        let lines = lines.iter().take(stages[0]);
        let mut values = lines.filter_map(|(_, words)| words.strip_prefix(argument.as_str()));
        values.next().expect("it has a default").to_owned()
    };
    let (rust_image, base_image) = (default_of(lines[stages[0]].1), default_of(last[0].1));
    let manifest = fs::read_to_string(source().join("Cargo.toml")).expect("it is there");
    let manifest: toml::Table = toml::from_str(&manifest).expect("it is TOML");
    let workspace = &manifest["workspace"];
    let rust = workspace["package"]["rust-version"].as_str().expect("text");
    let system = rust_image
        .split_once(&format!("/rust:{rust}-slim-"))
        .map(|(_, system)| system);
    assert!(
        system.is_some_and(|system| base_image.ends_with(&format!("/debian:{system}-slim"))),
        "what was built on {rust_image} may not run on {base_image}"
    );
    assert!(
        build
            .iter()
            .any(|(_, words)| words.contains("cargo build --locked --profile dist"))
    );
    assert!(manifest["profile"]["dist"].is_table());
    let value = |instruction: &str| {
        let found = last.iter().filter(|(found, _)| *found == instruction);
        found.map(|(_, words)| words.trim()).collect::<Vec<_>>()
    };
    let copied = value("COPY").join(" ");
    for program in ["/agent-host ", "/agent-host-worker "] {
        assert!(copied.contains(program), "{copied}");
    }
    assert_eq!(
        (value("STOPSIGNAL"), value("USER")),
        (vec!["SIGTERM"], vec!["10001"])
    );
    let user = last
        .iter()
        .position(|(instruction, _)| *instruction == "USER")
        .expect("it is there");
    assert!(last[user..].iter().all(|(instruction, _)| *instruction != "RUN"));
    let words = |instruction| -> Vec<String> { serde_json::from_str(value(instruction)[0]).expect("a list") };
    assert_eq!(words("ENTRYPOINT"), ["agent-host"]);
    means_something(&words("CMD").iter().map(String::as_str).collect::<Vec<_>>());

    // What the build needs is let into it, and nothing else.
    let let_in = deployed("Containerfile.dockerignore");
    assert_eq!(let_in.lines().next(), Some("*"));
    for member in workspace["members"].as_array().expect("a list") {
        let top = member
            .as_str()
            .and_then(|path| path.split('/').next())
            .expect("a path");
        assert!(
            let_in.lines().any(|line| line == format!("!{top}")),
            "{top} is left out"
        );
    }
}

/// The one value under these keys.
fn under<'a>(yaml: &'a Yaml, path: &[&str]) -> &'a Yaml {
    path.iter().fold(yaml, |value, key| &value[*key])
}

#[test]
fn the_compose_file_gives_the_container_what_it_needs_and_no_more() {
    let text = deployed("compose.yaml");
    let documents = YamlLoader::load_from_str(&text).expect("it is YAML");
    let [compose] = &documents[..] else {
        panic!("one document")
    };
    let service = &compose["services"]["agent-host"];
    assert_eq!(service["stop_grace_period"].as_str(), Some("35s"));
    assert_eq!(service["read_only"].as_bool(), Some(true));
    assert_eq!(service["init"].as_bool(), Some(true));
    assert_eq!(service["cap_drop"][0].as_str(), Some("ALL"));
    assert_eq!(
        service["security_opt"][0].as_str(),
        Some("no-new-privileges:true")
    );
    let file = under(service, &["build", "dockerfile"]).as_str().expect("text");
    assert!(source().join(file).is_file());
    assert_eq!(under(service, &["build", "context"]).as_str(), Some(".."));
    let container = deployed("Containerfile");
    let volume = service["volumes"][0]
        .as_str()
        .and_then(|volume| volume.split_once(':'));
    let (name, place) = volume.expect("a volume and its place");
    assert!(!compose["volumes"][name].is_badvalue());
    assert!(container.contains(&format!("ENV AGENT_HOST_HOME={place}\n")));
    assert!(container.contains("ENV CREDENTIALS_DIRECTORY=/run/secrets\n"));
    let secrets = service["secrets"].as_vec().expect("a list").iter();
    let secrets: Vec<&str> = secrets.filter_map(Yaml::as_str).collect();
    for name in &secrets {
        let file = under(compose, &["secrets", name, "file"]).as_str();
        assert_eq!(file, Some(format!("./secrets/{name}").as_str()));
    }
    // podman-compose 1.0 leaves out what compose calls a config.
    let mounted = service["volumes"][1].as_str();
    assert_eq!(mounted, Some("./container.toml:/etc/agent-host/config.toml:ro"));
    is_fine(&deployed("container.toml"), &secrets);
    let published = service["ports"][0].as_str().expect("text");
    assert!(
        published.starts_with("127.0.0.1:"),
        "the page is for this machine: {published}"
    );
}

#[expect(
    clippy::print_stderr,
    reason = "a test that could not be done must not look like one that was"
)]
pub(crate) fn left_out(why: &str) {
    eprintln!("not tested: {why}");
}

/// What is shown of the answer to a message.
async fn answer(person: &Person, text: &str) -> String {
    let thread = person.open(text).await;
    let mut ear = person.listen(&thread).await;
    ear.until(Heard::is_idle).await;
    person.page(&format!("/t/{thread}")).await
}

#[tokio::test]
async fn the_container_is_healthy_while_a_host_answers_and_only_then() {
    let documents = YamlLoader::load_from_str(&deployed("compose.yaml")).expect("it is YAML");
    let health = under(&documents[0], &["services", "agent-host", "healthcheck"]);
    assert_eq!(health["test"][0].as_str(), Some("CMD-SHELL"));
    let home = tempfile::tempdir().expect("a folder can be made");
    let config = home.path().join("config.toml");
    let check = health["test"][1]
        .as_str()
        .expect("text")
        .replace("/etc/agent-host/config.toml", &config.display().to_string());
    let programs = program("agent-host");
    let programs = programs.parent().expect("it is in a folder");
    let is_healthy = || {
        let mut command = Command::new("sh");
        command
            .args(["-c", &check])
            .env_clear()
            .env("AGENT_HOST_HOME", home.path())
            .env("PATH", format!("{}:/usr/bin:/bin", programs.display()));
        command.output().expect("it starts").status.success()
    };
    // A model that wants a key, so that there is something to look at.
    let scene = Scene::start().await;
    let settings = format!(
        "[agents.native]\nbase_url = \"{}v1\"\nmodel = \"rehearsal\"\n",
        scene.url()
    );
    let host = Host::configured(home.path(), &settings, &[]);
    assert!(is_healthy());
    let person = Person::enter(host.link()).await;
    answer(&person, "hello").await;
    let status = agent_host(home.path()).arg("status").status();
    assert_eq!(
        status.expect("it starts").code(),
        Some(1),
        "something needs attention"
    );
    assert!(is_healthy(), "what needs a person needs no new start");
    host.kill();
    assert!(!is_healthy());
}
