//! What `doctor` still tells when the logins can't be read.

use std::fs;

use super::chmod;
use crate::house::House;

#[test]
fn agents_are_tried_also_where_the_logins_can_not_be_read() {
    let house = House::new();
    fs::write(
        house.path("config.toml"),
        "default_agent = \"gone\"\n[agents.gone]\ncommand = [\"/nowhere/agent\"]\n[agents.native]\nmodel = \"m\"\n",
    )
    .unwrap();
    let agents = || {
        let report = house.run("doctor --json").exits(1).json();
        let checks = report["checks"].as_array().unwrap();
        let found = checks.iter().find(|check| check["name"] == "agents").unwrap();
        found["message"].to_string()
    };
    let refusal = "agent `gone` could not serve a thread";
    let login = "has no login";
    let sound = agents();
    assert!(sound.contains(refusal) && sound.contains(login), "{sound}");
    // A store that can't be read, and one that can't even be opened.
    fs::write(house.path("auth.json"), "no json").unwrap();
    let corrupt = agents();
    fs::remove_file(house.path("auth.json")).unwrap();
    fs::create_dir(house.path("auth.json")).unwrap();
    chmod(&house.path("auth.json"), 0o700);
    let folder = agents();
    for told in [corrupt, folder] {
        assert!(told.contains(refusal) && !told.contains(login), "{told}");
    }
}
