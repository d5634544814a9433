//! What a person decides, brings and looks after at the page: permissions, files, logins, workers; also without a mouse.

use std::path::{Path, PathBuf};

use serde_json::json;
use support::Host;
use thirtyfour::TypingData;
use thirtyfour::prelude::*;

use crate::chat::{at_the_page, look_at, say, sign_in, until_idle};
use crate::page::{at_a_host, open, opened};

#[tokio::test]
async fn a_permission_that_nobody_answers_says_so_at_the_page() {
    at_a_host("[limits]\npermission = \"6s\"\n", async |_, _, _, browser| {
        say(browser, "run: echo nobody").await;
        let facts = browser.find(".asks .card.wait .facts").await;
        let words = facts.text().await.expect("it has text");
        assert!(words.starts_with("denied in "), "{words}");
        let line = browser.find(".asks .audit.no").await;
        let words = line.text().await.expect("it has text");
        assert!(words.contains("Nobody answered in time"), "{words}");
        // It is said once, and nothing is left to press.
        assert_eq!(
            browser
                .script("return document.querySelectorAll('.note .warning, .decide').length")
                .await,
            json!(0)
        );
        until_idle(browser).await;
        look_at(browser, "timed-out").await;
    })
    .await;
}

#[tokio::test]
async fn what_is_always_allowed_stands_in_the_menu_of_the_agent_and_is_taken_back_there() {
    at_a_host("", async |_, _, _, browser| {
        say(browser, "run: echo always").await;
        browser.find(".asks .decide").await;
        press(browser, "Always run exactly this command").await;
        browser.find(".asks .audit.yes").await;
        until_idle(browser).await;
        browser.press("#agent > summary").await;
        let line = browser.find("#always li").await;
        let words = line.text().await.expect("it has text");
        for told in ["Always run exactly this command", "echo always", "run a command"] {
            assert!(words.contains(told), "{told}: {words}");
        }
        look_at(browser, "always").await;
        browser.press("#always button[data-act=forbid]").await;
        browser
            .until("return document.querySelectorAll('#always li').length === 0")
            .await;
        browser
            .until("return document.getElementById('timeline').textContent.includes('took back what was always allowed')")
            .await;
        browser.press("#agent > summary").await;
        say(browser, "run: echo always").await;
        browser.find(".asks .decide").await;
    })
    .await;
}

/// Speaks the protocol as another vendor's agent does: its own answers, no denial to choose, no id twice.
const OTHER: &str = r#"
answer() { printf '{"jsonrpc":"2.0","id":"%s","result":%s}\n' "$id" "$1"; }
say() { printf '{"jsonrpc":"2.0","method":"session/update","params":{"sessionId":"s1","update":{"sessionUpdate":"agent_message_chunk","content":{"type":"text","text":"%s"}}}}\n' "$1"; }
ask() { printf '{"jsonrpc":"2.0","id":77,"method":"session/request_permission","params":{"sessionId":"s1","toolCall":{"toolCallId":"c1","title":"leave plan mode","kind":"other"},"options":[%s]}}\n' "$1"; }
while IFS= read -r line; do
  case $line in *'"method":'*) id=${line#*'"id":"'}; id=${id%%'"'*} ;; esac
  case $line in
    *'"method":"initialize"'*) answer '{"protocolVersion":1,"agentCapabilities":{"loadSession":true}}' ;;
    *'"method":"session/new"'*) answer '{"sessionId":"s1"}' ;;
    *'"method":"session/load"'*) answer '{}' ;;
    *'"method":"session/prompt"'*plan*) kept=$id; ask '{"optionId":"edits","name":"Yes, and accept all edits","kind":"allow_always"},{"optionId":"bold","name":"Yes, and run everything","kind":"allow_always"},{"optionId":"each","name":"Yes, ask for each edit","kind":"allow_once"},{"optionId":"stay","name":"No, keep planning","kind":"reject_once"}' ;;
    *'"method":"session/prompt"'*) kept=$id; ask '{"optionId":"go","name":"Proceed","kind":"allow_once"}' ;;
    *'"id":77'*) id=$kept; chosen=${line#*'"optionId":"'}; case $line in *optionId*) say "chosen ${chosen%%'"'*}" ;; *) say 'none chosen' ;; esac; answer '{"stopReason":"end_turn"}' ;;
  esac
done
"#;

#[tokio::test]
async fn an_agent_s_own_answers_are_offered_in_its_words_and_it_hears_the_one_that_was_pressed() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let program = folder.path().join("other.sh");
    std::fs::write(&program, OTHER).expect("a file can be written");
    let more = format!(
        "[agents.other]\ncommand = [\"/bin/sh\", \"{}\"]\n",
        program.display()
    );
    at_a_host(&more, async |_, _, _, browser| {
        let agent = browser.find("#new-agent option[value=other]").await;
        agent.click().await.expect("it can be chosen");
        say(browser, "make a plan").await;
        browser.find(".asks .decide").await;
        let names = browser
            .script("return [...document.querySelectorAll('.decide button')].map((one) => one.textContent)")
            .await;
        let own = [
            "Yes, ask for each edit",
            "Yes, and accept all edits",
            "Yes, and run everything",
            "No, keep planning",
        ];
        assert_eq!(names, json!(own), "the narrowest first");
        look_at(browser, "other-answers").await;
        // Of two answers of one kind, the one that was pressed.
        press(browser, "Yes, and run everything").await;
        browser.find(".answer .md p").await;
        let said = browser.find("#timeline").await.text().await.expect("it has text");
        assert!(
            said.contains("chosen bold") && said.contains("“Yes, and run everything”"),
            "{said}"
        );
        until_idle(browser).await;

        say(browser, "go on").await;
        browser.find(".asks .decide button[data-option=go]").await;
        let names = browser
            .script("return [...document.querySelectorAll('.decide button')].map((one) => one.textContent)")
            .await;
        assert_eq!(
            names,
            json!(["Proceed", "Deny"]),
            "nothing is remembered that it does not offer to remember"
        );
        press(browser, "Deny").await;
        browser
            .until("return document.getElementById('timeline').textContent.includes('none chosen')")
            .await;
        until_idle(browser).await;
    })
    .await;
}

async fn press(browser: &support::Browser, name: &str) {
    let button = By::XPath(format!(
        "//form[contains(@class, 'decide')]//button[. = '{name}']"
    ));
    let button = browser.driver.find(button).await.expect("it is there");
    button.click().await.expect("it can be pressed");
}

/// A picture of one pixel.
pub(crate) const PIXEL: &[u8] = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x01\0\0\0\x01\x08\x06\0\0\0\x1f\x15\xc4\x89\0\0\0\rIDATx\x9cc\xf8\xcf\xc0\xf0\x1f\0\x05\0\x01\xff\x89\x99=\x1d\0\0\0\0IEND\xaeB`\x82";

#[tokio::test]
async fn files_that_are_dropped_arrive_and_what_is_too_large_or_badly_named_does_no_harm() {
    at_a_host("permissions = \"allow\"\n", async |scene, _, _, browser| {
        let desk = tempfile::tempdir().expect("a folder can be made");
        let put = |name: &str, content: &[u8]| -> PathBuf {
            let path = desk.path().join(name);
            std::fs::write(&path, content).expect("a file can be written");
            path
        };
        let (picture, log) = (put("screen.png", PIXEL), put("error.log", b"it went wrong\n"));
        let large = put("video.bin", b"");
        let file = std::fs::File::options().write(true).open(&large).expect("it is there");
        file.set_len(30 * 1024 * 1024).expect("it can grow");
        browser.drop_files(&[&picture, &log, &large]).await;
        browser
            .until("return document.querySelectorAll('#uploads progress[hidden]').length === 3")
            .await;
        let refused = browser.find("#uploads .failed").await.text().await.expect("it has text");
        let limit = browser
            .script("return document.getElementById('composer').dataset.limitWords")
            .await;
        let limit = format!("larger than {}", limit.as_str().expect("words"));
        assert!(refused.contains("video.bin") && refused.contains(&limit), "{refused}");
        look_at(browser, "dropped").await;
        // What was refused keeps the message back, and says so.
        say(browser, "run: find . -name error.log -exec cat {} +; ls -R").await;
        browser.find("#local .reply, #timeline .reply").await;
        browser
            .find("#uploads .failed button")
            .await
            .click()
            .await
            .expect("it can be removed");
        // A name from a page can be anything.
        browser
            .script("const carried = new DataTransfer(); carried.items.add(new File(['root::0:0'], '../../etc/passwd')); dispatchEvent(new DragEvent('drop', { dataTransfer: carried, cancelable: true }));")
            .await;
        browser
            .until("return [...document.querySelectorAll('#uploads span')].some((one) => one.textContent === 'passwd')")
            .await;
        browser.find("#text").await.send_keys(Key::Enter).await.expect("it takes a key");
        browser.find(".said .thumb img").await;
        browser
            .until("const shown = document.querySelector('.said .thumb img'); return shown.complete && shown.naturalWidth === 1")
            .await;
        let output = browser.find(".toolcall pre.output").await;
        // It is whole at the end of its turn, which had begun by then.
        until_idle(browser).await;
        let words = output.inner_html().await.expect("it has text");
        assert!(
            words.contains("it went wrong") && words.contains("passwd"),
            "{words}"
        );
        let mut found = vec![];
        walk(scene.folder(), &mut |path| {
            if path.file_name().is_some_and(|name| name == "passwd") {
                found.push(path.to_owned());
            }
        });
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].starts_with(scene.folder().join("workspaces")), "{found:?}");
        look_at(browser, "files-dropped").await;
    })
    .await;
}

#[tokio::test]
async fn the_button_that_copies_stands_inside_the_block_that_it_copies() {
    at_a_host("permissions = \"allow\"\n", async |_, _, _, browser| {
        say(browser, "run: seq 1 3; exit 3").await;
        let block = browser.find(".toolcall pre.output").await;
        until_idle(browser).await;
        let pointer = browser.driver.action_chain().move_to_element_center(&block);
        pointer.perform().await.expect("it can be pointed at");
        browser.find("#copy:not([hidden])").await;
        let inside = browser
            .script("const [button, block] = [document.getElementById('copy'), document.querySelector('.toolcall pre.output')].map((one) => one.getBoundingClientRect());
                return button.left > block.left && button.right < block.right && button.top > block.top && button.bottom < block.bottom")
            .await;
        assert_eq!(inside, json!(true));
    })
    .await;
}

fn walk(folder: &Path, see: &mut impl FnMut(&Path)) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        if entry.path().is_dir() {
            walk(&entry.path(), see);
        } else {
            see(&entry.path());
        }
    }
}

#[tokio::test]
async fn logins_are_looked_after_at_their_page_and_no_token_comes_there() {
    at_the_page(async |browser, host| {
        goto(browser, host, "/credentials").await;
        look_at(browser, "credentials-none").await;
        sign_in(browser, "#login-mine-rehearsal", "alice").await;
        goto(browser, host, "/credentials").await;
        let card = browser.find("#login-mine-rehearsal:has(dl)").await;
        let words = card.text().await.expect("it has text");
        for fact in ["signed in", "alice", "Used for", "Valid for"] {
            assert!(words.contains(fact), "{fact}: {words}");
        }
        look_at(browser, "credentials").await;
        let store = std::fs::read_to_string(store(host.home())).expect("it is there");
        let store: serde_json::Value = serde_json::from_str(&store).expect("it is JSON");
        let mut secrets = vec![];
        strings(&store, &mut secrets);
        secrets.retain(|text| text.len() >= 24 && !text.contains([' ', ':', '/']));
        assert!(!secrets.is_empty(), "there are tokens: {store}");
        let page = browser.script("return document.documentElement.outerHTML").await;
        let page = page.as_str().expect("text");
        for secret in &secrets {
            assert!(!page.contains(secret.as_str()), "a token is in the page");
        }
        // Signing out asks, says what stops, and Escape changes nothing.
        let out = browser.find("#login-mine-rehearsal [data-act=sign-out]").await;
        out.click().await.expect("it can be pressed");
        let words = browser
            .find("#ask[open] #ask-words")
            .await
            .text()
            .await
            .expect("it has text");
        assert!(words.len() > 20, "{words}");
        look_at(browser, "sign-out").await;
        browser.keys(Key::Escape).await;
        browser.until("return !document.getElementById('ask').open").await;
        browser.find("#login-mine-rehearsal [data-act=sign-out]").await;
        let out = browser.find("#login-mine-rehearsal [data-act=sign-out]").await;
        out.click().await.expect("it can be pressed");
        browser
            .find("#ask[open] #ask-yes")
            .await
            .click()
            .await
            .expect("it can be pressed");
        browser
            .find("#login-mine-rehearsal:not(:has(dl)) [data-act=sign-in]")
            .await;
        let words = browser
            .find("#login-mine-rehearsal")
            .await
            .text()
            .await
            .expect("it has text");
        assert!(words.contains("not signed in"), "{words}");
    })
    .await;
}

fn store(home: &Path) -> PathBuf {
    let mut found = None;
    walk(home, &mut |path| {
        if path.file_name().is_some_and(|name| name == "auth.json") {
            found = Some(path.to_owned());
        }
    });
    found.expect("a store is kept")
}

fn strings(value: &serde_json::Value, found: &mut Vec<String>) {
    match value {
        serde_json::Value::String(text) => found.push(text.clone()),
        serde_json::Value::Array(all) => all.iter().for_each(|one| strings(one, found)),
        serde_json::Value::Object(all) => all.values().for_each(|one| strings(one, found)),
        _ => {}
    }
}

pub(crate) async fn goto(browser: &support::Browser, host: &Host, path: &str) {
    let url = host.url(path);
    browser.driver.goto(url.as_str()).await.expect("the page opens");
    browser.find("#page").await;
}

#[tokio::test]
async fn workers_are_looked_after_at_their_page() {
    at_a_host("", async |_, host, person, browser| {
        goto(browser, host, "/workers").await;
        browser.find("#page .blank").await;
        let idle = opened(person, "say: done").await;
        let busy = person.open("hold").await;
        person.say(&busy, "m2", "say: later").await;
        // The page comes up to date by itself.
        browser
            .until("return document.querySelectorAll('.workers tbody tr').length === 2")
            .await;
        let row = |thread: &str| {
            format!("return [...document.querySelector('.workers a[href=\"/t/{thread}\"]').closest('tr').children].map((one) => one.textContent.trim())")
        };
        browser
            .until("return document.querySelector('.workers').textContent.includes('busy')")
            .await;
        // So do its cells.
        let is_so = format!("const cells = (() => {{ {} }})(); return [cells[1], cells[5], cells[7]].join() === 'busy,1,Stop'", row(&busy));
        browser.until(&is_so).await;
        let cells = browser.script(&row(&idle)).await;
        assert_eq!((&cells[1], &cells[5], &cells[7]), (&json!("idle"), &json!("0"), &json!("")), "{cells}");
        let memory = cells[3].as_str().expect("text");
        assert!(memory.ends_with("MB") || memory.ends_with("kB") || memory.ends_with("KB"), "{memory}");
        assert!(cells[4].as_str().is_some_and(|age| age.ends_with(" s")), "{cells}");
        assert!(cells[6].as_str().is_some_and(|pid| pid.parse::<u32>().is_ok()), "{cells}");
        look_at(browser, "workers").await;
        browser.find(".workers [data-act=stop]").await.click().await.expect("it can be pressed");
        browser
            .until("return !document.querySelector('.workers').textContent.includes('busy')")
            .await;
        open(browser, host, &busy).await;
        browser
            .until("return document.getElementById('timeline').textContent.includes('later')")
            .await;
    })
    .await;
}

/// Presses this key until the focus is on something that matches; it must come within so many.
async fn walk_to(browser: &support::Browser, key: &str, selector: &str) {
    for _ in 0..12 {
        browser.keys(key).await;
        let there = browser
            .script(&format!("return document.activeElement.matches('{selector}')"))
            .await;
        if there == json!(true) {
            let ring = browser
                .script("const style = getComputedStyle(document.activeElement); return style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 2")
                .await;
            assert_eq!(ring, json!(true), "where the focus is can be seen: {selector}");
            return;
        }
    }
    panic!("`{selector}` is not reached");
}

#[tokio::test]
async fn all_of_it_can_be_done_by_keyboard_and_is_said_aloud() {
    at_the_page(async |browser, _| {
        let (tab, back) = (
            TypingData::from(Key::Tab).to_string(),
            (Key::Shift + Key::Tab).to_string(),
        );
        // The field has the focus; what is typed opens a thread.
        assert_eq!(
            browser.script("return document.activeElement.id").await,
            json!("text")
        );
        browser.keys("run: echo by hand".to_owned() + Key::Enter).await;
        browser.find(".login .card.wait").await;
        browser.until("return document.activeElement.id === 'text'").await;
        browser
            .until("return document.getElementById('heard').textContent.startsWith('Sign-in needed')")
            .await;
        walk_to(browser, &back, "[data-act=sign-in]").await;
        browser.keys(Key::Enter).await;
        browser
            .until("return document.activeElement.matches('a[data-focus]')")
            .await;
        sign_in_by_link(browser, "alice").await;
        browser.find(".asks .decide").await;
        browser
            .until("return document.getElementById('heard').textContent.startsWith('Permission needed')")
            .await;
        browser.script("document.getElementById('text').focus()").await;
        walk_to(browser, &back, "[data-option=allow_once]").await;
        browser.keys(Key::Enter).await;
        browser.find(".asks .audit.yes").await;
        // Whoever pressed writes next.
        browser.until("return document.activeElement.id === 'text'").await;
        until_idle(browser).await;
        browser
            .until("return document.getElementById('heard').textContent === 'The agent has answered'")
            .await;
        // A card opens, and a denial takes a reason.
        walk_to(browser, &back, ".toolcall summary").await;
        browser.keys(Key::Enter).await;
        browser.find(".toolcall details[open]").await;
        browser.script("document.getElementById('text').focus()").await;
        browser.keys("run: echo no".to_owned() + Key::Enter).await;
        browser.find(".asks .decide").await;
        walk_to(browser, &back, ".decide input[name=reason]").await;
        browser.keys("too loud".to_owned() + Key::Enter).await;
        let denied = browser.find(".asks .audit.no").await.text().await;
        assert!(denied.expect("it has text").contains("“too loud”"));
        until_idle(browser).await;
        // Another thread, and back to this one.
        browser.keys("/new".to_owned() + Key::Enter).await;
        browser.find("#empty").await;
        browser.keys("run: echo another".to_owned() + Key::Enter).await;
        browser.find(".asks .decide").await;
        browser.keys(Key::Control + "k").await;
        browser.keys("by hand".to_owned() + Key::Enter).await;
        browser.heading("run: echo by hand").await;
        browser.until("return document.activeElement.id === 'text'").await;
        // What was said last comes back into the empty field.
        let typed = "return document.getElementById('text').value";
        browser.keys(Key::Up).await;
        assert_eq!(browser.script(typed).await, json!("run: echo no"));
        // (The driver's own way to empty a field takes the focus away.)
        browser
            .script("const field = document.getElementById('text'); field.value = ''; field.focus()")
            .await;
        browser.keys("hold".to_owned() + Key::Enter).await;
        browser.find("#stop:not([hidden])").await;
        walk_to(browser, &tab, "#stop").await;
        browser.keys(Key::Enter).await;
        until_idle(browser).await;
        browser.until("return document.activeElement.id === 'text'").await;
    })
    .await;
}

/// Follows the link that has the focus, in another tab, and approves.
async fn sign_in_by_link(browser: &support::Browser, name: &str) {
    crate::chat::consent(browser, "a[data-focus]", name).await;
}
