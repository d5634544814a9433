//! What an agent offers to choose from, at the page: asked for when its menu is opened, and kept.

use conversation::{Dispatch, ThreadId};
use reqwest::Method;
use serde_json::{Value, json};
use support::Browser;

use super::Talk;
use crate::page::{another_link, open};

#[tokio::test]
async fn its_models_and_modes_are_offered_at_the_page_and_what_is_picked_is_used() {
    let talk = Talk::new(&["--models", "former", "--modes", "options"], "").await;
    let thread = talk.open("mode").await;
    let choices = async |query: &str| -> Value {
        let path = format!("/api/t/{thread}/choices{query}");
        let answer = talk.person.request(Method::GET, &path).send().await;
        answer
            .expect("the host answers")
            .json()
            .await
            .expect("it is JSON")
    };
    let found = choices("").await;
    let named = |list: &Value| {
        let names = list.as_array().expect("a list").iter();
        names
            .map(|one| format!("{}={}", one["id"], one["name"]))
            .collect::<Vec<_>>()
            .join(" ")
    };
    assert_eq!(
        named(&found["models"]),
        r#""one"="Model one" "two"="Model two" "locked"="Model locked""#
    );
    assert_eq!(
        named(&found["modes"]),
        r#""ask"="Mode ask" "plan"="Mode plan" "locked"="Mode locked""#
    );
    let unknown = choices("?agent=nobody").await;
    assert_eq!(unknown, json!({ "models": [], "modes": [] }));

    let path = format!("/api/t/{thread}/settings");
    let (status, said) = talk
        .person
        .post(&path, &json!({ "model": "two", "mode": "plan" }))
        .await;
    assert!(status.is_success(), "{said}");
    talk.say(&thread, "next", "model\nmode").await;
    let answers = talk.answers(&thread).await;
    assert!(answers.contains("model=two;mode=plan;"), "{answers}");
    let (status, _) = talk.person.post(&path, &json!({ "mode": "" })).await;
    assert!(status.is_success());
    talk.say(&thread, "own", "mode").await;
    let answers = talk.answers(&thread).await;
    assert!(answers.ends_with("mode=ask;"), "{answers}");
}

/// What the page is told by a command.
async fn commands(talk: &Talk, thread: &str, text: &str) -> String {
    let path = format!("/api/t/{thread}/command");
    let (status, said) = talk.person.post(&path, &json!({ "text": text })).await;
    assert!(status.is_success(), "{said}");
    said["words"].as_str().expect("words").to_owned()
}

#[tokio::test]
async fn default_is_the_agents_own_model_but_where_it_offers_one_of_that_name() {
    for (second, used) in [("two", "one"), ("default", "default")] {
        let talk = Talk::new(&["--models", "former", "--second", second], "").await;
        let thread = talk.open("model").await;
        let settings = format!("/api/t/{thread}/settings");
        for model in ["locked", "default"] {
            let (status, said) = talk.person.post(&settings, &json!({ "model": model })).await;
            assert!(status.is_success(), "{said}");
        }
        talk.say(&thread, "picked", "model").await;
        commands(&talk, &thread, "/model one").await;
        commands(&talk, &thread, "/model default").await;
        talk.say(&thread, "typed", "model").await;
        let answers = talk.answers(&thread).await;
        assert_eq!(
            answers.replace('\n', ""),
            format!("model=one;model={used};model={used};")
        );
    }
}

#[tokio::test]
async fn no_model_of_the_former_agent_stands_under_the_name_of_the_next() {
    let program = support::program("foreign-agent");
    let other = format!(
        "[agents.other]\ntitle = \"Other\"\ncommand = {}",
        json!([program.to_str().expect("a path is text")])
    );
    let talk = Talk::new(&["--models", "former"], &other).await;
    let thread = talk.open("model").await;
    let status = async || commands(&talk, &thread, "/status").await;
    assert!(
        status()
            .await
            .contains("Agent: Foreign. Model: its own, Model one.")
    );
    talk.person.say(&thread, "waits", "wait").await;
    talk.hears(&thread, "waiting").await;
    commands(&talk, &thread, "/agent other").await;
    for _ in 0..2 {
        let words = status().await;
        assert!(words.contains("Agent: Other. Model: its own. "), "{words}");
        // The former one's last turn ends.
        commands(&talk, &thread, "/stop").await;
        talk.settled(&thread).await;
    }
}

#[tokio::test]
async fn a_mode_stays_chosen_where_something_else_is_applied_at_the_page_of_a_new_host() {
    let arguments = ["--modes", "former"];
    let talk = Talk::new(&arguments, "").await;
    let thread = talk.open("mode").await;
    let path = format!("/api/t/{thread}/settings");
    let (status, said) = talk.person.post(&path, &json!({ "mode": "plan" })).await;
    assert!(status.is_success(), "{said}");
    let talk = talk.again(&arguments).await;
    let path = format!("/api/t/{thread}/choices");
    let found = talk.person.request(Method::GET, &path).send().await;
    let found: Value = found.expect("the host answers").json().await.expect("it is JSON");
    let browser = Browser::start().await;
    browser.enter(&another_link(&talk.person).await).await;
    open(&browser, &talk.host, &thread).await;
    browser.press("#agent > summary").await;
    browser
        .until("return performance.getEntriesByType('resource').some((one) => one.name.includes('/choices') && one.responseEnd > 0)")
        .await;
    // The field is still there, and what is chosen is in it.
    let shown = "const pick = document.getElementById('pick-its-mode');\
                 return [pick.value, document.getElementById('its-mode').hidden]";
    let shown = browser.script(shown).await;
    browser
        .script("document.getElementById('pick-mode').value = 'steer'")
        .await;
    browser.press("#agent .primary").await;
    browser.find("#agent:not([open])").await;
    browser.quit().await;
    let id = ThreadId::parse(&format!("web:{thread}")).expect("a thread");
    let kept = talk.conversation().thread(&id).await.expect("it can be read");
    assert_eq!(
        (kept.mode.as_deref(), kept.dispatch),
        (Some("plan"), Dispatch::Steer)
    );
    assert_eq!(shown, json!(["plan", false]));
    assert_eq!(
        found,
        json!({ "models": [], "modes": [{ "id": "plan", "name": "plan" }] })
    );
}
