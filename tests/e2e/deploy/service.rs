//! The unit, installed as its first lines say, and run by systemd.

use std::fs;
use std::time::{Duration, Instant};

use rehearsal::{Counter, Fault, Target};
use secrecy::ExposeSecret as _;
use support::discord::Fake;
use support::{MODEL_KEY, Person, Scene, program, until};
use tempfile::TempDir;
use url::Url;

use super::system::System;
use super::{answer, deployed, left_out};

/// Longer than any honest stop takes, and what the unit gives it.
const STOP: Duration = Duration::from_secs(35);

/// A service on a system of its own.
struct Service {
    system: System,
    /// What was told if it did not start.
    fault: Option<String>,
    _package: TempDir,
}

impl Service {
    /// Types what the unit's first lines say, and pastes these secrets where they ask for them. `None` where the machine lets
    /// nobody do that, which is told.
    async fn install(config: &str, secrets: &[(&str, &str)]) -> Option<Self> {
        let package = tempfile::tempdir().expect("a folder can be made");
        for name in ["agent-host", "agent-host-worker"] {
            fs::copy(program(name), package.path().join(name)).expect("a program can be copied");
        }
        let deploy = package.path().join("deploy");
        fs::create_dir(&deploy).expect("a folder can be made");
        let unit = deployed("agent-host.service");
        fs::write(deploy.join("agent-host.service"), &unit).expect("a file can be written");
        fs::write(deploy.join("config.toml"), config).expect("a file can be written");
        let system = System::boot(package.path())
            .await
            .inspect_err(|why| left_out(why))
            .ok()?;
        let mut fault = None;
        for line in typed(&unit)
            .lines()
            .filter(|line| !LATER.iter().any(|first| line.starts_with(first)))
        {
            let pasted = secrets.iter().find(|(name, _)| line.contains(name));
            if line.contains("/dev/stdin") && pasted.is_none() {
                continue;
            }
            let input = pasted.map_or(String::new(), |(_, secret)| format!("{secret}\n"));
            let output = system.sh(&format!("cd /pkg && {line}"), &input);
            let told = String::from_utf8_lossy(&output.stderr).into_owned();
            if !output.status.success() {
                assert!(line.starts_with("systemctl enable"), "{line}: {told}");
                fault = Some(told);
            }
        }
        Some(Self {
            system,
            fault,
            _package: package,
        })
    }

    /// The scene's login becomes the service's.
    fn sign_in(&self, scene: &Scene) {
        let bytes = fs::read(scene.store_path()).expect("it is there");
        fs::write(self.store(), bytes).expect("it can be written");
        self.system
            .does("cd /var/lib/agent-host && chown agent-host: auth.json && chmod 600 auth.json");
    }

    fn store(&self) -> std::path::PathBuf {
        self.system.file("/var/lib/agent-host/auth.json")
    }

    /// As the unit's first lines say it, with other words at the end.
    fn as_the_service(&self, words: &str) -> String {
        self.types("runuser ", "status", words)
    }

    /// The same, with its secrets.
    fn with_its_secrets(&self, words: &str) -> String {
        self.types("(cd ", "doctor)", &format!("{words})"))
    }

    /// The line of the unit's first ones that begins so, with these words instead of its last.
    fn types(&self, first: &str, last: &str, words: &str) -> String {
        let lines = typed(&deployed("agent-host.service"));
        let line = lines.lines().find(|line| line.starts_with(first));
        let line = line
            .and_then(|line| line.strip_suffix(last))
            .expect("it says how");
        let output = self
            .system
            .sh(&format!("export HOME=/root; cd && {line}{words}"), "");
        String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned()
    }

    /// Somebody at the page, which can be reached as soon as the start is over.
    async fn person(&self) -> Person {
        assert_eq!(self.fault, None, "{}", self.system.journal());
        let told = self.as_the_service("status");
        let link = told.lines().find_map(|line| line.strip_prefix("open "));
        let link = link.and_then(|link| link.split(' ').next());
        Person::enter(&Url::parse(link.expect(&told)).expect("it is a link")).await
    }

    fn shows(&self, what: &str) -> String {
        let shown = self.system.does(&format!("systemctl show -P {what} agent-host"));
        shown.trim().to_owned()
    }

    /// Stops it as an operator would: the time that it took.
    fn stop(&self) -> Duration {
        let began = Instant::now();
        self.system.does("systemctl stop agent-host");
        let took = began.elapsed();
        assert_eq!(self.shows("Result"), "success", "{}", self.system.journal());
        assert_eq!(self.shows("ExecMainStatus"), "0");
        took
    }
}

/// How those lines begin that are for later.
const LATER: [&str; 3] = ["runuser ", "(cd ", "DISCORD_TOKEN="];

/// What the first lines of the unit say to type, each on one line.
fn typed(unit: &str) -> String {
    let unit = unit.replace("\\\n#  ", "");
    let head = unit.lines().take_while(|line| !line.is_empty());
    let lines = head.filter_map(|line| line.strip_prefix("#   "));
    lines.collect::<Vec<_>>().join("\n")
}

/// The scene's model, paid for by a login, and a page on any port.
fn with_a_login(scene: &Scene, more: &str) -> String {
    format!(
        "[agents.native]\ntenant = \"rehearsal\"\nbase_url = \"{0}v1\"\nmodel = \"rehearsal\"\npermissions = \"allow\"\n\
         [web]\nlisten = \"127.0.0.1:0\"\n[rehearsal]\nurl = \"{0}\"\n{more}",
        scene.url()
    )
}

// The fake Discord answers while a shell is waited for.
#[tokio::test(flavor = "multi_thread")]
async fn systemd_runs_what_is_installed_as_the_unit_says_and_its_agents_work_in_their_cage() {
    let (scene, fake) = (Scene::start().await, Fake::start().await);
    let guild = fake.guild("g");
    guild.channel("general");
    let alice = guild.member("alice");
    fake.set_team(&[&alice]);
    let elsewhere = format!(
        "model = \"rehearsal\"\npermissions = \"allow\"\nbase_url = \"{}v1\"",
        scene.url()
    );
    let fake_discord = format!(
        "[discord]\napi_base = \"{}\"\ngateway_url = \"{}\"",
        fake.api_base(),
        fake.gateway_url()
    );
    let config = deployed("config.toml")
        .replace("model = \"the-name-of-a-model\"", &elsewhere)
        .replace("[discord]", &fake_discord)
        .replace("127.0.0.1:7878\"", "127.0.0.1:0\"");
    let secrets = [("DISCORD_TOKEN", fake.token()), ("OPENAI_API_KEY", MODEL_KEY)];
    let Some(service) = Service::install(&config, &secrets).await else {
        return;
    };
    let person = service.person().await;
    fake.until("an identify", |world| {
        (world.gateway().identified > 0).then_some(())
    })
    .await;
    let page = answer(
        &person,
        "run: id -un; echo $((6 * 7)) > made; cat made; touch /usr/x; cat /var/lib/agent-host/host.lock; \
         ls /run/credentials; env; (mount -t tmpfs x .; unshare -r true) 2>&1; echo over",
    )
    .await;
    for (words, why) in [
        ("agent-host\n42\n", "it works as the service's user"),
        ("touch: cannot touch", "the system can't be written"),
        ("host.lock: Permission denied", "the state is closed"),
        ("credentials&#39;: Permission denied", "secrets are closed"),
        ("unshare failed", "no namespaces"),
        ("\nover", "and all of it was run"),
    ] {
        assert!(page.contains(words), "{why}: {page}");
    }
    assert!(
        !page.contains(MODEL_KEY) && !page.contains("CREDENTIALS_DIRECTORY"),
        "{page}"
    );
    // Root's files are the service's alone, and its own command finds them.
    for words in ["doctor", "config check"] {
        let (plain, told) = (service.as_the_service(words), service.with_its_secrets(words));
        assert!(plain.contains("DISCORD_TOKEN is not set"), "{plain}");
        assert!(
            plain.contains("root asks as the service: (cd /etc/agent-host; "),
            "{plain}"
        );
        assert!(!told.contains("is not set") && told.contains("is fine"), "{told}");
    }
    // Set up again as the unit says it, its token's place stays the service's.
    let told = service.types("DISCORD_TOKEN=", "discord", "discord --yes --channel general");
    assert!(told.contains("systemctl restart agent-host"), "{told}");
    let config = service.system.does("cat /etc/agent-host/config.toml");
    assert!(
        config.contains("\ntoken_env = \"DISCORD_TOKEN\"\nallowed_channels = ["),
        "{config}"
    );
    // What the doctor sees with all that the unit takes away from it.
    let unit = deployed("agent-host.service")
        .replace(" up\n", " doctor\n")
        .replace("Type=notify", "Type=oneshot")
        .replace("Restart=on-failure\n", "");
    fs::write(service.system.file("/etc/systemd/system/doctor.service"), unit).expect("it can be written");
    service
        .system
        .sh("systemctl daemon-reload; systemctl start doctor", "");
    let told = service.system.does("journalctl --unit doctor --output cat");
    let holds = "ok   cage         holds: environment, session, limits, descriptors, capabilities, no_new_privileges, landlock, calls;";
    assert!(told.contains(holds) && !told.contains("FAIL"), "{told}");
    assert!(service.stop() < STOP);
    let told = service.as_the_service("status");
    let again = "start it with `AGENT_HOST_HOME=/var/lib/agent-host agent-host --config /etc/agent-host/config.toml up`";
    assert!(told.contains(again), "{told}");
    // An upgrade, and a copy that is gone back to, as the README says them: what was said is still there.
    service.system.does(
        "install -m 755 /pkg/agent-host /pkg/agent-host-worker /usr/local/bin/ && cd /run \
         && tar -C / -cpf agent-host.tar etc/agent-host var/lib/agent-host \
         && rm -r /etc/agent-host /var/lib/agent-host && tar -C / -xpf agent-host.tar && systemctl start agent-host",
    );
    service.person().await;
    assert!(service.as_the_service("threads list").contains("done"));
    let journal = service.system.journal();
    assert!(
        journal.contains("the page is at http://127.0.0.1:") && !journal.contains("/enter?"),
        "{journal}"
    );
    assert!(
        !journal.contains(fake.token()) && !journal.contains(MODEL_KEY),
        "{journal}"
    );
}

#[tokio::test]
async fn a_configuration_that_is_wrong_fails_the_start_and_is_told_in_the_journal() {
    let config = deployed("config.toml");
    let line = 1 + config
        .lines()
        .position(|line| line.starts_with("token_env"))
        .unwrap();
    let Some(service) = Service::install(&config, &[]).await else {
        return;
    };
    let fault = service.fault.as_deref().unwrap_or_default();
    assert!(fault.contains("systemctl status agent-host"), "{fault}");
    let journal = service.system.journal();
    let words = format!(
        "config.toml:{line}: discord.token_env: no token: DISCORD_TOKEN is not set in the environment, and no credential"
    );
    assert!(journal.contains(&words), "{journal}");
    let status = service.system.sh("systemctl is-active agent-host", "");
    assert!(!status.status.success());
}

#[tokio::test]
async fn a_service_that_is_stopped_lets_commands_end_within_its_drain() {
    let scene = Scene::signed_in().await;
    let config = with_a_login(&scene, "[limits]\ndrain = \"20s\"\n");
    let Some(service) = Service::install(&config, &[]).await else {
        return;
    };
    service.sign_in(&scene);
    let person = service.person().await;
    let thread = person
        .open("run: touch began; sleep 2; echo the-$((6 * 7))-end")
        .await;
    let workspace = service.system.file("/var/lib/agent-host/workspaces");
    until("the command runs", || {
        let workspaces = fs::read_dir(&workspace).into_iter().flatten().flatten();
        workspaces
            .into_iter()
            .any(|one| one.path().join("began").exists())
    })
    .await;
    let took = service.stop();
    assert!(took < Duration::from_secs(20), "{took:?}");
    let story = service.as_the_service(&format!("threads show web:{thread}"));
    assert!(story.contains("the-42-end") && !story.contains("cut"), "{story}");
}

#[tokio::test]
async fn neither_the_end_of_a_service_nor_of_its_host_loses_a_login_that_is_renewed() {
    for (end, starts) in [
        ("systemctl stop agent-host", 0),
        ("systemctl kill --kill-who=main --signal=KILL agent-host", 1),
    ] {
        let scene = Scene::signed_in().await;
        let Some(service) = Service::install(&with_a_login(&scene, ""), &[]).await else {
            return;
        };
        let person = service.person().await;
        scene.expire(&scene.host());
        service.sign_in(&scene);
        let before = scene.stored_token(&scene.host());
        scene.fault(Target::Refresh, 1, Fault::Latency { ms: 2500 });
        person.open("say: hello").await;
        scene.wait(Counter::RefreshRequests, 1).await;
        service.system.does(end);
        let after = || {
            let bytes = fs::read(service.store()).expect("it is there");
            scene.write_file(&bytes);
            scene.stored_token(&scene.host())
        };
        until("it is renewed", || {
            after().expose_secret() != before.expose_secret()
        })
        .await;
        scene.ends_well().await;
        if starts > 0 {
            // By itself, and what was cut is told.
            until("it runs again", || {
                service.shows("NRestarts") == starts.to_string() && service.shows("ActiveState") == "active"
            })
            .await;
            service.person().await;
        }
        let took = service.stop();
        assert!(took < STOP, "{took:?}");
        let left = service.system.sh("pgrep -u agent-host", "").stdout;
        assert!(left.is_empty(), "{}", String::from_utf8_lossy(&left));
    }
}
