//! A client without manners: plain requests, plain frames.

use std::time::Duration;

use discord_fake::{Fake, Id};
use futures_util::{SinkExt, StreamExt};
use reqwest::header::HeaderMap;
use reqwest::{Client, Method, RequestBuilder};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{WebSocketStream, client_async};

/// What came back.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Value,
}

impl Answer {
    /// Discord's own code.
    pub(crate) fn code(&self) -> u64 {
        self.body["code"]
            .as_u64()
            .unwrap_or_else(|| panic!("no code in {}", self.body))
    }

    pub(crate) fn id(&self) -> Id {
        assert!(self.status < 300, "{} {}", self.status, self.body);
        self.body["id"]
            .as_str()
            .expect("an id")
            .parse()
            .expect("a number")
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        let value = self.headers.get(name).unwrap_or_else(|| panic!("no {name}"));
        value.to_str().expect("plain text")
    }
}

pub(crate) struct Plain {
    client: Client,
    base: String,
    token: String,
}

impl Plain {
    pub(crate) fn new(fake: &Fake) -> Self {
        // Only the first of a process has an effect, and one is enough.
        let _ = rustls::crypto::ring::default_provider().install_default();
        Self {
            client: Client::new(),
            base: format!("{}/api/v10", fake.api_base()),
            token: format!("Bot {}", fake.token()),
        }
    }

    pub(crate) fn with_token(mut self, token: &str) -> Self {
        token.clone_into(&mut self.token);
        self
    }

    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.client
            .request(method, format!("{}{path}", self.base))
            .header("Authorization", &self.token)
    }

    pub(crate) async fn send(&self, method: Method, path: &str, body: Value) -> Answer {
        let mut request = self.request(method, path);
        if !body.is_null() {
            request = request.json(&body);
        }
        finish(request).await.expect("an answer")
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send(Method::GET, path, Value::Null).await
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> Answer {
        self.send(Method::POST, path, body).await
    }

    pub(crate) async fn patch(&self, path: &str, body: Value) -> Answer {
        self.send(Method::PATCH, path, body).await
    }

    pub(crate) async fn put(&self, path: &str) -> Answer {
        self.send(Method::PUT, path, Value::Null).await
    }

    pub(crate) async fn delete(&self, path: &str) -> Answer {
        self.send(Method::DELETE, path, Value::Null).await
    }

    pub(crate) async fn say(&self, channel: Id, text: &str) -> Answer {
        self.post(
            &format!("/channels/{channel}/messages"),
            json!({ "content": text }),
        )
        .await
    }

    /// `payload_json` and one part per file.
    pub(crate) async fn upload(
        &self,
        method: Method,
        path: &str,
        body: &Value,
        files: &[(&str, &[u8])],
    ) -> Answer {
        let edge = "an-edge-of-parts";
        let mut bytes = part(
            edge,
            "name=\"payload_json\"",
            "application/json",
            body.to_string().as_bytes(),
        );
        for (index, (name, content)) in files.iter().enumerate() {
            let about = format!("name=\"files[{index}]\"; filename=\"{name}\"");
            bytes.extend(part(edge, &about, "text/plain", content));
        }
        bytes.extend(format!("--{edge}--\r\n").bytes());
        let request = self
            .request(method, path)
            .header("Content-Type", format!("multipart/form-data; boundary={edge}"))
            .body(bytes);
        finish(request).await.expect("an answer")
    }
}

fn part(edge: &str, about: &str, kind: &str, content: &[u8]) -> Vec<u8> {
    let head = format!("--{edge}\r\nContent-Disposition: form-data; {about}\r\nContent-Type: {kind}\r\n\r\n");
    [head.as_bytes(), content, b"\r\n"].concat()
}

pub(crate) async fn finish(request: RequestBuilder) -> Result<Answer, reqwest::Error> {
    let response = request.send().await?;
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    let text = response.bytes().await?;
    let body = if text.is_empty() {
        Value::Null
    } else {
        serde_json::from_slice(&text).expect("JSON")
    };
    Ok(Answer {
        status,
        headers,
        body,
    })
}

/// A connection to the gateway, frame by frame.
pub(crate) struct Frames {
    socket: WebSocketStream<TcpStream>,
    pub(crate) zipped: usize,
}

impl Frames {
    /// Connected, with HELLO read.
    pub(crate) async fn open(fake: &Fake) -> Self {
        Self::open_at(fake, "?v=10&encoding=json").await.0
    }

    pub(crate) async fn open_at(fake: &Fake, query: &str) -> (Self, Value) {
        let url = fake.gateway_url();
        let address = url.strip_prefix("ws://").expect("a plain socket");
        let stream = TcpStream::connect(address).await.expect("a listener");
        let (socket, _) = client_async(format!("{url}/{query}"), stream)
            .await
            .expect("a gateway");
        let mut frames = Self { socket, zipped: 0 };
        let hello = frames.next().await.unwrap_or(Value::Null);
        (frames, hello)
    }

    /// Identified with these intents; READY.
    pub(crate) async fn identified(fake: &Fake, intents: u64) -> (Self, Value) {
        let mut frames = Self::open(fake).await;
        frames.send(identify(fake, intents)).await;
        let ready = frames.until("READY").await;
        (frames, ready)
    }

    pub(crate) async fn send(&mut self, value: Value) {
        self.socket
            .send(Message::Text(value.to_string()))
            .await
            .expect("an open connection");
    }

    /// The next payload, or the code that the connection was closed with (0: without a word).
    pub(crate) async fn next(&mut self) -> Result<Value, u16> {
        let message = tokio::time::timeout(Duration::from_secs(20), self.socket.next()).await;
        match message.expect("something within 20 s") {
            Some(Ok(Message::Text(text))) => Ok(serde_json::from_str(&text).expect("JSON")),
            Some(Ok(Message::Binary(bytes))) => {
                self.zipped += 1;
                let reader = flate2::read::ZlibDecoder::new(&bytes[..]);
                Ok(serde_json::from_reader(reader).expect("JSON in zlib"))
            }
            Some(Ok(Message::Close(frame))) => Err(frame.map_or(0, |frame| frame.code.into())),
            _ => Err(0),
        }
    }

    /// The next event of this kind; its whole payload.
    pub(crate) async fn until(&mut self, kind: &str) -> Value {
        loop {
            let payload = self
                .next()
                .await
                .unwrap_or_else(|code| panic!("closed ({code}) before {kind}"));
            if payload["t"] == kind {
                return payload;
            }
        }
    }

    /// The next payload with this op.
    pub(crate) async fn until_op(&mut self, op: u64) -> Value {
        loop {
            let payload = self
                .next()
                .await
                .unwrap_or_else(|code| panic!("closed ({code}) before op {op}"));
            if payload["op"] == op {
                return payload;
            }
        }
    }

    /// The code that the connection is closed with, whatever comes before.
    pub(crate) async fn closed(&mut self) -> u16 {
        loop {
            if let Err(code) = self.next().await {
                return code;
            }
        }
    }
}

pub(crate) fn identify(fake: &Fake, intents: u64) -> Value {
    json!({ "op": 2, "d": {
        "token": fake.token(), "intents": intents, "properties": { "os": "linux", "browser": "x", "device": "x" },
    } })
}
