//! A small HTTP server that gives prepared answers, in order, and remembers what it was asked.

use std::sync::{Arc, Mutex};

use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, watch};
use tokio::task::JoinHandle;
use url::Url;

/// What the server does with one request.
pub(super) struct Answer {
    head: String,
    body: Vec<u8>,
    ending: Ending,
    /// Called when the request is there, before it is answered.
    before: Option<Box<dyn FnOnce() + Send>>,
}

enum Ending {
    /// As HTTP wants it; the connection stays.
    Proper,
    /// The connection is closed although the answer is not over.
    Cut,
    /// Nothing more comes.
    Hang,
    /// As HTTP wants it, but only when the test says so.
    Late(Arc<Notify>),
}

/// A request as it came.
#[derive(Debug, Clone)]
pub(super) struct Seen {
    pub(super) target: String,
    pub(super) authorization: Option<String>,
    pub(super) body: Value,
    /// The number of its connection.
    pub(super) connection: usize,
}

/// The server; it ends with the test's runtime.
pub(super) struct Server {
    pub(super) url: Url,
    seen: Arc<Mutex<Vec<Seen>>>,
    /// How many connections the clients have closed.
    closed: watch::Receiver<usize>,
    _task: JoinHandle<()>,
}

impl Answer {
    /// A stream of events.
    pub(super) fn stream(events: impl Into<Vec<u8>>) -> Self {
        Self::status(200, &["content-type: text/event-stream"], events)
    }

    /// An answer with this status, these headers and this body.
    pub(super) fn status(status: u16, headers: &[&str], body: impl Into<Vec<u8>>) -> Self {
        let mut head = format!("HTTP/1.1 {status} Word\r\ntransfer-encoding: chunked\r\n");
        for header in headers {
            head.push_str(header);
            head.push_str("\r\n");
        }
        Self {
            head,
            body: body.into(),
            ending: Ending::Proper,
            before: None,
        }
    }

    /// A stream whose connection breaks after these events.
    pub(super) fn cut(events: &str) -> Self {
        Self {
            ending: Ending::Cut,
            ..Self::stream(events)
        }
    }

    /// A stream that says nothing after these events.
    pub(super) fn hang(events: &str) -> Self {
        Self {
            ending: Ending::Hang,
            ..Self::stream(events)
        }
    }

    /// A stream whose end, as HTTP wants it, comes when the test says so.
    pub(super) fn late(events: &str, end: &Arc<Notify>) -> Self {
        Self {
            ending: Ending::Late(Arc::clone(end)),
            ..Self::stream(events)
        }
    }

    /// Does something when the request has come.
    pub(super) fn after(mut self, act: impl FnOnce() + Send + 'static) -> Self {
        self.before = Some(Box::new(act));
        self
    }
}

impl Server {
    /// Serves these answers; a request too many gets a 418.
    pub(super) async fn start(answers: Vec<Answer>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/v1", listener.local_addr().unwrap());
        let seen = Arc::new(Mutex::new(vec![]));
        let answers = Arc::new(Mutex::new(answers.into_iter()));
        let (closing, closed) = watch::channel(0);
        let noted = Arc::clone(&seen);
        let task = tokio::spawn(async move {
            for connection in 0.. {
                let (stream, _) = listener.accept().await.unwrap();
                let (answers, noted) = (Arc::clone(&answers), Arc::clone(&noted));
                let closing = closing.clone();
                tokio::spawn(async move {
                    let next = move || answers.lock().unwrap().next();
                    serve(stream, connection, next, &noted).await;
                    closing.send_modify(|closed| *closed += 1);
                });
            }
        });
        Self {
            url: Url::parse(&url).unwrap(),
            seen,
            closed,
            _task: task,
        }
    }

    /// The requests so far.
    pub(super) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }

    /// What they had as Authorization, without the scheme.
    pub(super) fn tokens(&self) -> Vec<String> {
        let token = |seen: Seen| seen.authorization.unwrap_or_default().replace("Bearer ", "");
        self.seen().into_iter().map(token).collect()
    }

    /// Waits until so many connections were closed by their clients.
    pub(super) async fn until_closed(&self, count: usize) {
        let mut closed = self.closed.clone();
        closed.wait_for(|closed| *closed >= count).await.unwrap();
    }
}

/// Serves one connection until one side closes it.
async fn serve(
    stream: TcpStream,
    connection: usize,
    next: impl Fn() -> Option<Answer>,
    noted: &Mutex<Vec<Seen>>,
) {
    let mut stream = BufReader::new(stream);
    while let Some(seen) = request(&mut stream, connection).await {
        noted.lock().unwrap().push(seen);
        let answer = next().unwrap_or_else(|| Answer::status(418, &[], "no more answers"));
        if let Some(act) = answer.before {
            act();
        }
        let mut bytes = format!("{}\r\n", answer.head).into_bytes();
        for chunk in answer.body.chunks(1 << 20) {
            bytes.extend(format!("{:x}\r\n", chunk.len()).bytes());
            bytes.extend(chunk);
            bytes.extend(b"\r\n");
        }
        if matches!(answer.ending, Ending::Proper) {
            bytes.extend(b"0\r\n\r\n");
        }
        // A client that has seen enough may be gone.
        if stream.write_all(&bytes).await.is_err() {
            return;
        }
        match answer.ending {
            Ending::Proper => {}
            Ending::Late(end) => {
                end.notified().await;
                if stream.write_all(b"0\r\n\r\n").await.is_err() {
                    return;
                }
            }
            Ending::Cut => return,
            Ending::Hang => {
                // Only the client's end of file ends this.
                let _ = stream.read_to_end(&mut vec![]).await;
                return;
            }
        }
    }
}

async fn request(stream: &mut BufReader<TcpStream>, connection: usize) -> Option<Seen> {
    let mut line = String::new();
    stream
        .read_line(&mut line)
        .await
        .ok()
        .filter(|length| *length > 0)?;
    let target = line.split(' ').nth(1)?.to_owned();
    let (mut length, mut authorization) = (0, None);
    loop {
        line.clear();
        stream.read_line(&mut line).await.ok()?;
        let Some((name, value)) = line.trim().split_once(": ") else {
            break;
        };
        match name.to_ascii_lowercase().as_str() {
            "content-length" => length = value.parse().ok()?,
            "authorization" => authorization = Some(value.to_owned()),
            _ => {}
        }
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await.ok()?;
    Some(Seen {
        target,
        authorization,
        body: serde_json::from_slice(&body).ok()?,
        connection,
    })
}
