//! A Discord on this machine to try the bot with by hand, or from a script: the tests' own, driven by lines of JSON.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;

use serde_json::{Value, json};
use support::discord::Fake;
use tokio::io::{AsyncBufReadExt, BufReader};

mod look;
mod order;
mod stage;

use order::Order;
use stage::Stage;

const HELP: &str = r#"Each line is an order in JSON, and is answered with a line: {"ok":…} or {"error":…}.
`who` is a name of a member of the guild (made when first named), or "owner"; `at` is a channel's name, an id, or "dm".
In texts {bot} is the bot's mention.

talk      {"do":"say","who":"owner","at":"general","text":"{bot} hello","reply_to":"ID","files":[{"name":"a.txt","type":"text/plain","text":"…"}]}
          {"do":"edit","who":…,"message":"ID","text":…}  {"do":"delete","who":…,"message":"ID"}  {"do":"react","who":…,"message":"ID","emoji":"👍"}
          {"do":"webhook","name":…,"at":…,"text":…}
ask       {"do":"slash","who":…,"at":…,"command":"auth status","options":{"vendor":"codex"}}
          {"do":"complete",…,"focused":"vendor"}
          {"do":"press","who":…,"message":"ID","button":"Label or custom_id"}  {"do":"pick","who":…,"message":"ID","menu":"custom_id","values":["…"]}
          {"do":"submit","who":…,"form":"INTERACTION","fields":{"code":"…"}}
          {"do":"forge","who":…,"message":"ID","custom_id":"…"}  {"do":"replay","interaction":"ID"}
look      {"do":"messages","at":…,"who":…}      with `who` also what only they see
          {"do":"asked","interaction":"ID"}     what came of it
          {"do":"threads","at":…}  {"do":"commands"}  {"do":"requests","last":20}  {"do":"complaints"}  {"do":"typing","at":…}
places    {"do":"channel","name":…,"kind":"text|forum|news|voice|stage|category"}  {"do":"thread","who":…,"at":…,"name":…,"from":"MESSAGE"}
          {"do":"post","who":…,"at":"FORUM","name":…,"text":…}  {"do":"archive","who":…,"at":…,"is":true}  {"do":"lock",…}
          {"do":"rename","who":…,"at":…,"name":…}  {"do":"remove","who":…,"at":…}  {"do":"guild","name":…}  makes it the one that is meant
people    {"do":"member","name":…,"bot":false}  {"do":"kick","who":…}  {"do":"team","who":["alice","bob"]}  {"do":"expel_bot"}
          {"do":"role","name":…,"permissions":0,"of":["alice"]}  {"do":"overwrite","at":…,"who":"bot|everyone|NAME","allow":0,"deny":1024}
trouble   {"do":"fault","what":"status|too_many|too_many_globally|slow|answer_lost|done_then|request_lost","number":502,"method":"POST","path":"/channels/*/messages","times":1}
          {"do":"gateway","what":"drop|close|reconnect|invalidate|refuse|silent|away|back","number":4014}
          {"do":"intents","privileged":0}  {"do":"clock","seconds":960}  {"do":"file_limit","bytes":1000}"#;

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> ExitCode {
    if std::env::args().len() > 1 {
        say(HELP);
        return ExitCode::SUCCESS;
    }
    // What an order could not do is its answer.
    std::panic::set_hook(Box::new(|_| ()));
    let mut stage = Stage::new(Fake::start().await);
    say(&format!(
        "# a Discord on this machine; requests are {}held against Discord's own document\n\
         # export DISCORD_TOKEN={}\n[discord]\napi_base = \"{}\"\ngateway_url = \"{}\"\n\
         # now orders, a line each; `{{\"do\":\"help\"}}` names them",
        if stage.fake.is_validated() { "" } else { "not " },
        stage.fake.token(),
        stage.fake.api_base(),
        stage.fake.gateway_url(),
    ));
    let mut lines = BufReader::new(tokio::io::stdin()).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        if line.trim().is_empty() {
            continue;
        }
        say(&answer(&mut stage, &line).to_string());
    }
    let complaints = stage.fake.take_complaints();
    for complaint in &complaints {
        say(&json!({ "complaint": complaint }).to_string());
    }
    ExitCode::from(u8::from(!complaints.is_empty()))
}

fn answer(stage: &mut Stage, line: &str) -> Value {
    let order: Order = match serde_json::from_str(line) {
        Ok(Order::Help) => {
            say(HELP);
            return json!({ "ok": null });
        }
        Ok(order) => order,
        Err(error) => return json!({ "error": format!("no order: {error}") }),
    };
    match catch_unwind(AssertUnwindSafe(|| stage.obey(order))) {
        Ok(done) => json!({ "ok": done }),
        Err(reason) => {
            let words = reason
                .downcast_ref::<String>()
                .map(String::as_str)
                .or_else(|| reason.downcast_ref::<&str>().copied());
            json!({ "error": words.unwrap_or("it can't be done") })
        }
    }
}

#[expect(clippy::print_stdout, reason = "it talks with who drives it")]
fn say(text: &str) {
    println!("{text}");
}
