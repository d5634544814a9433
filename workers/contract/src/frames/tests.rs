//! What the transport promises, each shown with bytes as another end could send them.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use agent_client_protocol::v1::Dispatch;
use agent_client_protocol::v1::schema::{
    AgentNotification, ContentBlock, ContentChunk, InitializeRequest, InitializeResponse, PromptRequest,
    PromptResponse, SessionNotification, SessionUpdate, StopReason,
};
use agent_client_protocol::{
    Agent, Client, Handled, on_receive_dispatch, on_receive_notification, on_receive_request,
    schema::ProtocolVersion,
};
use tokio::io::{
    AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, DuplexStream, ReadBuf, duplex,
};
use tokio::sync::Semaphore;

use super::*;

/// A connection whose other end is bytes; the frames that came through are counted.
struct Line {
    input: DuplexStream,
    /// Kept open, and never read.
    _output: DuplexStream,
    frames: Frames,
    channel: Channel,
}

fn line(limits: FrameLimits) -> Line {
    let (input, reader) = duplex(64 * 1024);
    let (writer, output) = duplex(64 * 1024);
    let (channel, frames) = open(reader, writer, limits);
    Line {
        input,
        _output: output,
        frames,
        channel,
    }
}

async fn reason_for(bytes: &[u8]) -> FrameError {
    let mut line = line(FrameLimits {
        frame: 1000,
        ..FrameLimits::default()
    });
    let _ = line.input.write_all(bytes).await;
    drop(line.input);
    // The channel is kept: an end that nobody listens to any more is another reason.
    line.frames.ended().await
}

#[tokio::test]
async fn each_kind_of_garbage_ends_the_connection_with_its_own_reason() {
    let unknown_answer = br#"{"jsonrpc":"2.0","id":"never asked","result":{}}"#;
    let too_long = [b"\"".as_slice(), &[b'x'; 2000]].concat();
    let too_long_line = [b"{\"".as_slice(), &[b'x'; 2000], b"\n"].concat();
    let malformed = |what| format!("{:?}", FrameError::Malformed { what });
    let stray = |line: &str| {
        format!(
            "{:?}",
            FrameError::Stray {
                line: super::Line::new(line)
            }
        )
    };
    for (bytes, reason) in [
        (b" hello\r\n".as_slice(), stray("hello")),
        (b"17\n", stray("17")),
        (b"[]\n", malformed("a batch of messages")),
        (b"[info] ready to serve\n", stray("[info] ready to serve")),
        (b"[2026-11-21 09:00] ready\n", stray("[2026-11-21 09:00] ready")),
        (
            b" [{\"jsonrpc\":\"2.0\",\"method\":\"x\"}]\n",
            malformed("a batch of messages"),
        ),
        (b"{\"jsonrpc\":\n", malformed("not a JSON-RPC message")),
        (b"{\"jsonrpc\":\"2.0\"}\n", malformed("not a JSON-RPC message")),
        (b"{\"method\":\"\xff\"}\n", format!("{:?}", FrameError::NotUtf8)),
        (&too_long, format!("{:?}", FrameError::TooLong { limit: 1000 })),
        (
            &too_long_line,
            format!("{:?}", FrameError::TooLong { limit: 1000 }),
        ),
        (
            &[unknown_answer.as_slice(), b"\n"].concat(),
            format!("{:?}", FrameError::Forged),
        ),
        (b"", format!("{:?}", FrameError::Closed)),
        (b"{\"half\":", format!("{:?}", FrameError::Closed)),
        (b"\n \r\n\n", format!("{:?}", FrameError::Closed)),
    ] {
        let text = String::from_utf8_lossy(bytes);
        assert_eq!(format!("{:?}", reason_for(bytes).await), reason, "for {text:.60}");
    }
}

#[tokio::test]
async fn a_stray_line_is_kept_for_whoever_may_show_it() {
    let FrameError::Stray { line } = reason_for(b" Loaded cached credentials. \n").await else {
        panic!("another reason");
    };
    assert_eq!(line.text(), "Loaded cached credentials.");
}

#[tokio::test]
async fn no_reason_repeats_what_was_sent() {
    for bytes in [
        b"planted-secret\n".as_slice(),
        b"{\"planted-secret\":1}\n",
        b"{\"jsonrpc\":\"2.0\",\"id\":\"planted-secret\",\"result\":1}\n",
    ] {
        let reason = reason_for(bytes).await;
        assert!(!format!("{reason} {reason:?}").contains("planted"), "{reason}");
    }
}

#[tokio::test]
async fn a_frame_of_exactly_the_limit_passes() {
    let frame = |length: usize| {
        let empty = r#"{"jsonrpc":"2.0","method":"m","params":{"x":""}}"#;
        empty.replace("\"\"", &format!("\"{}\"", "x".repeat(length - empty.len())))
    };
    let limits = FrameLimits {
        frame: 1000,
        ..FrameLimits::default()
    };
    let mut line = line(limits);
    line.input
        .write_all(format!("{}\n", frame(1000)).as_bytes())
        .await
        .unwrap();
    assert!(line.channel.rx.recv().await.is_ok());
    line.input
        .write_all(format!("{}\n", frame(1001)).as_bytes())
        .await
        .unwrap();
    assert!(matches!(
        line.frames.ended().await,
        FrameError::TooLong { limit: 1000 }
    ));
}

/// Bytes without end, counted.
struct Endless {
    byte: u8,
    read: Arc<AtomicU64>,
    most: u64,
}

impl AsyncRead for Endless {
    fn poll_read(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        let room = buf.remaining();
        if self.read.fetch_add(room as u64, Ordering::Relaxed) < self.most {
            buf.initialize_unfilled().fill(self.byte);
            buf.advance(room);
        }
        Poll::Ready(Ok(()))
    }
}

#[tokio::test]
async fn of_a_gigabyte_line_only_the_limit_is_ever_read() {
    let read = Arc::new(AtomicU64::new(0));
    let endless = Endless {
        byte: b'{',
        read: read.clone(),
        most: 1 << 30,
    };
    let (_channel, frames) = open(endless, tokio::io::sink(), FrameLimits::default());
    assert!(matches!(frames.ended().await, FrameError::TooLong { .. }));
    let read = read.load(Ordering::Relaxed);
    assert!(
        read <= (FRAME_LIMIT + 64 * 1024) as u64,
        "{read} bytes were taken from the pipe"
    );
}

#[tokio::test]
async fn a_frame_that_would_swell_in_memory_is_refused_before_it_is_parsed() {
    let bomb = format!(
        "{{\"jsonrpc\":\"2.0\",\"method\":\"m\",\"params\":[{}0]}}\n",
        "0,".repeat(MANY)
    );
    let (channel, frames) = open(
        std::io::Cursor::new(bomb.into_bytes()),
        tokio::io::sink(),
        FrameLimits::default(),
    );
    assert!(matches!(frames.ended().await, FrameError::Malformed { what } if what.contains("values")));
    drop(channel);

    let text = format!(
        "{{\"jsonrpc\":\"2.0\",\"method\":\"m\",\"params\":{{\"x\":\"{}\"}}}}\n",
        "0,".repeat(MANY)
    );
    let (mut channel, _frames) = open(
        std::io::Cursor::new(text.into_bytes()),
        tokio::io::sink(),
        FrameLimits::default(),
    );
    assert!(
        channel.rx.recv().await.is_ok(),
        "commas inside a string are no values"
    );
}

const MANY: usize = 1_500_000;

const UPDATE: &str = r#"{"jsonrpc":"2.0","method":"session/update","params":{"sessionId":"s","update":{"sessionUpdate":"agent_message_chunk","content":{"type":"text","text":"TEXT"}}}}"#;

/// Writes updates as fast as they are taken; how many were.
async fn flood(mut input: DuplexStream, taken: Arc<AtomicUsize>, most: usize) {
    let update = format!("{}\n", UPDATE.replace("TEXT", &"x".repeat(900)));
    for _ in 0..most {
        if input.write_all(update.as_bytes()).await.is_err() {
            return;
        }
        taken.fetch_add(1, Ordering::Relaxed);
    }
}

#[tokio::test(start_paused = true)]
async fn a_flood_waits_in_the_pipe_for_a_handler_that_is_slow() {
    let (input, reader) = duplex(64 * 1024);
    let (channel, frames) = open(reader, tokio::io::sink(), FrameLimits::default());
    let taken = Arc::new(AtomicUsize::new(0));
    tokio::spawn(flood(input, taken.clone(), 100_000));
    let (pace, handled, permits) = (
        frames.pace(),
        Arc::new(AtomicUsize::new(0)),
        Arc::new(Semaphore::new(0)),
    );
    let (counted, gate) = (handled.clone(), permits.clone());
    let connection = Client
        .v1()
        .on_receive_dispatch(
            async move |message: Dispatch, _cx| {
                pace.handled();
                Ok(Handled::No {
                    message,
                    retry: false,
                })
            },
            on_receive_dispatch!(),
        )
        .on_receive_notification(
            async move |_: SessionNotification, _cx| {
                gate.acquire().await.unwrap().forget();
                counted.fetch_add(1, Ordering::Relaxed);
                Ok(())
            },
            on_receive_notification!(),
        )
        .connect_with(channel, async |cx| {
            cx.incoming_closed().await;
            Ok(())
        });
    tokio::spawn(connection);

    // Paused time moves on only when nothing else can: everything that could be read was read.
    tokio::time::sleep(Duration::from_mins(1)).await;
    let limits = FrameLimits::default();
    let pipe = 64 * 1024 / 900 + 10;
    let before = taken.load(Ordering::Relaxed);
    assert!(
        before > 0 && before <= limits.unhandled_frames + pipe,
        "{before} updates left the flood"
    );

    permits.add_permits(500);
    tokio::time::sleep(Duration::from_mins(1)).await;
    assert_eq!(handled.load(Ordering::Relaxed), 500, "in order and one by one");
    let after = taken.load(Ordering::Relaxed);
    assert!(
        after >= 500 && after - 500 <= limits.unhandled_frames + pipe,
        "{after} left the flood"
    );
}

#[tokio::test(start_paused = true)]
async fn frames_that_reach_no_handler_do_not_block_those_after_them() {
    let (mut input, reader) = duplex(64 * 1024);
    let (channel, _frames) = open(reader, tokio::io::sink(), FrameLimits::default());
    let handled = Arc::new(AtomicUsize::new(0));
    let counted = handled.clone();
    tokio::spawn(
        Client
            .v1()
            .on_receive_notification(
                async move |_: SessionNotification, _cx| {
                    counted.fetch_add(1, Ordering::Relaxed);
                    Ok(())
                },
                on_receive_notification!(),
            )
            .connect_with(channel, async |cx| {
                cx.incoming_closed().await;
                Ok(())
            }),
    );
    for number in 0..1000 {
        let unknown =
            format!("{{\"jsonrpc\":\"2.0\",\"method\":\"_x/unknown\",\"params\":{{\"n\":{number}}}}}\n");
        input.write_all(unknown.as_bytes()).await.unwrap();
        input.write_all(format!("{UPDATE}\n").as_bytes()).await.unwrap();
    }
    tokio::time::sleep(Duration::from_mins(1)).await;
    assert_eq!(handled.load(Ordering::Relaxed), 1000);
}

#[tokio::test]
async fn more_open_requests_than_the_limit_are_a_flood() {
    let mut line = line(FrameLimits::default());
    // Nobody answers, as with people who were asked for permission.
    let request =
        |id| format!("{{\"jsonrpc\":\"2.0\",\"id\":{id},\"method\":\"session/request_permission\"}}\n");
    let requests = (0..500).map(request).collect::<Vec<_>>().concat();
    let mut channel = line.channel;
    let drain = tokio::spawn(async move {
        let mut count = 0;
        while channel.rx.recv().await.is_ok() {
            count += 1;
        }
        count
    });
    let _ = line.input.write_all(requests.as_bytes()).await;
    assert!(matches!(
        line.frames.ended().await,
        FrameError::Flood { limit: 128 }
    ));
    assert_eq!(drain.await.unwrap(), 128);
}

/// A pipe whose other end has read what it is given before the write returns.
struct Quick {
    read: std::sync::mpsc::Sender<usize>,
    looked: std::sync::mpsc::Receiver<()>,
}

impl AsyncWrite for Quick {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<std::io::Result<usize>> {
        self.read.send(bytes.len()).unwrap();
        // Its reader looks meanwhile, and may have to wait for the end of this write.
        let _ = self.looked.recv_timeout(Duration::from_millis(100));
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_that_was_read_is_counted_however_quick_its_reader() {
    let (read, was_read) = std::sync::mpsc::channel();
    let (look, looked) = std::sync::mpsc::channel();
    let (_input, reader) = duplex(1024);
    let (channel, frames) = open(reader, Quick { read, looked }, FrameLimits::default());
    let request = serde_json::from_str(r#"{"jsonrpc":"2.0","id":1,"method":"session/prompt"}"#).unwrap();
    let frame = agent_client_protocol::TransportFrame::Single(request);
    channel.tx.unbounded_send(frame).unwrap();
    let pace = frames.pace();
    let counted = tokio::task::spawn_blocking(move || {
        was_read.recv_timeout(Duration::from_secs(10)).unwrap();
        let counted = pace.requests_written();
        // The write may be over.
        let _ = look.send(());
        counted
    });
    assert_eq!(counted.await.unwrap(), 1);
}

#[tokio::test]
async fn an_end_that_does_not_read_ends_the_connection_instead_of_filling_memory() {
    let limits = FrameLimits {
        unsent: 1024 * 1024,
        ..FrameLimits::default()
    };
    let line = line(limits);
    let update: agent_client_protocol::RawJsonRpcMessage = serde_json::from_str(UPDATE).unwrap();
    let mut sent = 0;
    while line
        .channel
        .tx
        .unbounded_send(agent_client_protocol::TransportFrame::Single(update.clone()))
        .is_ok()
    {
        sent += 1;
        assert!(
            sent * UPDATE.len() < 4 * 1024 * 1024,
            "it goes on and on: {sent} were taken"
        );
        tokio::task::yield_now().await;
    }
    assert!(matches!(line.frames.ended().await, FrameError::Stalled { .. }));
}

#[tokio::test(start_paused = true)]
async fn a_sender_that_waits_for_room_is_slowed_down_and_loses_nothing() {
    let (ours, theirs) = duplex(64 * 1024);
    let (reader, writer) = tokio::io::split(ours);
    let (channel, frames) = open(reader, writer, FrameLimits::default());
    let (pace, sent) = (frames.pace(), Arc::new(AtomicUsize::new(0)));
    let counted = sent.clone();
    let agent = Agent.v1().connect_with(channel, async move |cx| {
        for _ in 0..10_000 {
            let chunk = ContentChunk::new(ContentBlock::from("x".repeat(900)));
            cx.send_notification(SessionNotification::new(
                "s",
                SessionUpdate::AgentMessageChunk(chunk),
            ))?;
            counted.fetch_add(1, Ordering::Relaxed);
            pace.ready().await;
        }
        Ok(())
    });
    let agent = tokio::spawn(agent);
    tokio::time::sleep(Duration::from_mins(1)).await;
    let ahead = sent.load(Ordering::Relaxed) * 1000;
    assert!(
        ahead > SEND_AHEAD && ahead < 2 * SEND_AHEAD,
        "{ahead} bytes ahead of a reader that sleeps"
    );
    let (mut theirs, mut all) = (theirs, String::new());
    theirs.read_to_string(&mut all).await.unwrap();
    assert_eq!(all.lines().count(), 10_000);
    agent.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_closed_output_ends_after_what_was_sent_and_reading_goes_on() {
    let (mut input, reader) = duplex(1024);
    let (writer, mut output) = duplex(64);
    let (mut channel, frames) = open(reader, writer, FrameLimits::default());
    let update: agent_client_protocol::RawJsonRpcMessage = serde_json::from_str(UPDATE).unwrap();
    let update = agent_client_protocol::TransportFrame::Single(update);
    for _ in 0..10 {
        channel.tx.unbounded_send(update.clone()).unwrap();
    }
    frames.close_output();
    let mut written = String::new();
    output.read_to_string(&mut written).await.unwrap();
    assert_eq!(written.lines().count(), 10);
    channel.tx.unbounded_send(update).unwrap();
    input.write_all(format!("{UPDATE}\n").as_bytes()).await.unwrap();
    assert!(channel.rx.recv().await.is_ok());
}

#[tokio::test]
async fn both_ends_speak_acp_over_it_in_order_and_close_cleanly() {
    let (client_end, agent_end) = duplex(8 * 1024);
    let (reader, writer) = tokio::io::split(agent_end);
    let (agent_channel, agent_frames) = open(reader, writer, FrameLimits::default());
    let pace = agent_frames.pace();
    let agent = Agent
        .v1()
        .on_receive_request(
            async move |request: InitializeRequest, responder, _cx| {
                responder.respond(InitializeResponse::new(request.protocol_version))
            },
            on_receive_request!(),
        )
        .on_receive_request(
            async move |request: PromptRequest,
                        responder,
                        cx: agent_client_protocol::v1::ConnectionTo<Client>| {
                let pace = pace.clone();
                cx.clone().spawn(async move {
                    for number in 0..2000 {
                        let chunk = ContentChunk::new(ContentBlock::from(number.to_string()));
                        let update = SessionUpdate::AgentMessageChunk(chunk);
                        cx.send_notification(AgentNotification::SessionNotification(
                            SessionNotification::new(request.session_id.clone(), update),
                        ))?;
                        pace.ready().await;
                    }
                    responder.respond(PromptResponse::new(StopReason::EndTurn))
                })
            },
            on_receive_request!(),
        )
        .connect_with(agent_channel, async |cx| {
            cx.incoming_closed().await;
            Ok(())
        });
    let agent = tokio::spawn(agent);

    let (reader, writer) = tokio::io::split(client_end);
    let (channel, frames) = open(reader, writer, FrameLimits::default());
    let (seen, pace) = (Arc::new(Mutex::new(Vec::new())), frames.pace());
    let keep = seen.clone();
    Client
        .v1()
        .on_receive_dispatch(
            async move |message: Dispatch, _cx| {
                pace.handled();
                Ok(Handled::No {
                    message,
                    retry: false,
                })
            },
            on_receive_dispatch!(),
        )
        .on_receive_notification(
            async move |notification: SessionNotification, _cx| {
                if let SessionUpdate::AgentMessageChunk(ContentChunk {
                    content: ContentBlock::Text(text),
                    ..
                }) = notification.update
                {
                    keep.lock().unwrap().push(text.text);
                }
                Ok(())
            },
            on_receive_notification!(),
        )
        .connect_with(channel, async |cx| {
            cx.send_request(InitializeRequest::new(ProtocolVersion::V1))
                .block_task()
                .await?;
            let answer = cx
                .send_request(PromptRequest::new("s", vec!["go".into()]))
                .block_task()
                .await?;
            assert_eq!(answer.stop_reason, StopReason::EndTurn);
            Ok(())
        })
        .await
        .unwrap();
    let wanted: Vec<String> = (0..2000).map(|number| number.to_string()).collect();
    assert_eq!(*seen.lock().unwrap(), wanted);
    drop(frames);
    assert!(matches!(agent_frames.ended().await, FrameError::Closed));
    agent.await.unwrap().unwrap();
}
