//! Messages of an agent that nobody can read.

use super::*;

#[tokio::test]
async fn an_agent_that_babbles_fills_no_log() {
    let talk = Talk::new(&[], "").await;
    let thread = talk.open(&format!("{}say: done", "strange\n".repeat(40))).await;
    assert!(talk.answers(&thread).await.contains("done"));
    let (_, log) = talk.host.stop_and_tell();
    let lines: Vec<&str> = log.lines().filter(|line| line.contains("WARN")).collect();
    let left_out = lines
        .iter()
        .filter(|line| line.contains("can't be read, and is left out"));
    assert_eq!(left_out.count(), 3, "{log}");
    assert!(lines.iter().any(|line| line.ends_with("count=10")), "{log}");
    for line in &lines {
        assert!(
            line.len() <= 220 && line.contains(&format!("thread=web:{thread}")),
            "{line}"
        );
    }
    assert!(lines.len() <= 5, "{lines:#?}");
}
