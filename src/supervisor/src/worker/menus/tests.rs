//! How agents announce what they offer, and what is made of what they do with it.

use super::*;

#[test]
fn models_are_read_in_the_ways_that_agents_announce_them() {
    let select = |id: &str, category: Value, options: Value| json!({ "id": id, "name": "M", "category": category, "type": "select", "currentValue": "a", "options": options });
    let option = |id: &str| json!({ "value": id, "name": format!("Model {id}") });
    let plain = json!([option("a"), option("b")]);
    let grouped = json!([{ "group": "g", "name": "G", "options": [option("a"), option("b")] }]);
    let former = json!({ "currentModelId": "a", "availableModels": [{ "modelId": "a", "name": "Model a" }, { "modelId": "b", "name": "Model b" }] });
    let by_option = || Way::Option("m".to_owned());
    for (answer, way) in [
        (
            json!({ "configOptions": [select("x", json!("mode"), json!([option("z")])), select("m", json!("model"), plain.clone())] }),
            by_option(),
        ),
        (
            json!({ "configOptions": [select("m", json!("model"), grouped)] }),
            by_option(),
        ),
        (
            json!({ "configOptions": [{ "id": 7 }, select("model", Value::Null, plain.clone())] }),
            Way::Option("model".to_owned()),
        ),
        (json!({ "configOptions": [], "models": former }), Way::Former),
    ] {
        let (found, offer) = read(&answer, Setting::Model).unwrap();
        assert_eq!(found, way, "{answer}");
        assert_eq!(
            (offer.current.as_str(), offer.words().as_str()),
            ("a", "`a` (Model a), `b` (Model b)")
        );
        assert_eq!(offer.find("model B").map(|entry| entry.id.as_str()), Some("b"));
        assert_eq!(offer.find("c"), None);
    }
    for answer in [
        json!(null),
        json!({}),
        json!({ "models": {} }),
        json!({ "models": { "currentModelId": "a", "availableModels": [] } }),
        json!({ "configOptions": [select("m", json!("model"), json!([]))] }),
        json!({ "configOptions": [select("model", json!("thought_level"), plain)] }),
    ] {
        assert_eq!(read(&answer, Setting::Model), None, "{answer}");
    }
}

#[test]
fn modes_are_read_beside_models_and_what_an_agent_leaves_by_itself_is_noticed() {
    let modes = json!({ "currentModeId": "ask", "availableModes": [{ "id": "ask", "name": "Ask" }, { "id": "plan", "name": "Plan" }] });
    let menus = Menus::default();
    menus.opened(&json!({ "modes": modes }));
    let offers = menus.offers();
    assert_eq!(offers.models, None);
    assert_eq!(offers.modes.unwrap().words(), "`ask` (Ask), `plan` (Plan)");
    let request = menus.modes.request("s", "plan").unwrap().unwrap();
    assert_eq!(
        (request.0.method(), request.1.as_str()),
        ("session/set_mode", "plan")
    );
    menus.moved("plan".to_owned());
    assert_eq!(menus.strayed(), None, "it was not told yet");
    menus.modes.took(request.1, &request.2, &Value::Null).unwrap();
    assert_eq!(menus.strayed(), None);
    menus.moved("ask".to_owned());
    assert_eq!(menus.strayed(), Some(("plan".to_owned(), "ask".to_owned())));
    assert!(menus.modes.request("s", "ask").unwrap().is_none());
    assert_eq!(menus.strayed(), None, "that is what is wanted now");
    let lacks = menus.modes.request("s", "yolo").unwrap_err();
    assert!(
        matches!(&lacks, NotTaken::Refused(why) if why.contains("`plan` (Plan)")),
        "{lacks:?}"
    );
    let none = menus.models.request("s", "one").unwrap_err();
    assert_eq!(none, NotTaken::NoMenu);
}
