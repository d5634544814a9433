//! What an agent offers to choose from, at the page: asked for when its menu is opened, and kept.

use reqwest::Method;
use serde_json::{Value, json};

use super::Talk;

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
