//! The smallest model: whatever it is asked, it says when the request reached it.

use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};

use crate::agent::MARK;
use crate::moment::now;

/// Serves Chat Completions on loopback for as long as the runtime lives; returns the base URL.
pub(crate) async fn serve() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let base = format!("http://{}/v1", listener.local_addr().expect("it has one"));
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(answer(stream));
        }
    });
    base
}

/// Answers the requests of one connection until its end.
async fn answer(stream: TcpStream) -> std::io::Result<()> {
    let mut stream = BufReader::new(stream);
    loop {
        let mut body = 0;
        let mut line = String::new();
        while stream.read_line(&mut line).await? > 0 && line != "\r\n" {
            let header = line.to_ascii_lowercase();
            if let Some(length) = header.strip_prefix("content-length:") {
                body = length.trim().parse().unwrap_or(0);
            }
            line.clear();
        }
        if line.is_empty() {
            return Ok(());
        }
        let at = now();
        stream.read_exact(&mut vec![0; body]).await?;
        let events = format!(
            "data: {{\"choices\":[{{\"index\":0,\"delta\":{{\"content\":\"{MARK}{at}\"}}}}]}}\n\n\
             data: {{\"choices\":[{{\"index\":0,\"delta\":{{}},\"finish_reason\":\"stop\"}}]}}\n\n\
             data: [DONE]\n\n"
        );
        let length = events.len();
        let answer = format!(
            "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncontent-length: {length}\r\n\r\n{events}"
        );
        stream.write_all(answer.as_bytes()).await?;
    }
}
