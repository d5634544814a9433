//! A command's output as it comes: in whole characters, and never faster than somebody can look at it.

use std::time::Duration;

use tokio::time::Instant;

/// The shortest time between two pieces.
const PAUSE: Duration = Duration::from_millis(50);
/// The longest piece; of more, the end is shown.
const PIECE: usize = 16 * 1024;

/// Hands on pieces of output.
pub(super) struct Live<'a> {
    output: &'a mut (dyn FnMut(String) + Send),
    pending: Vec<u8>,
    left_out: u64,
    due: Instant,
}

impl<'a> Live<'a> {
    pub(super) fn new(output: &'a mut (dyn FnMut(String) + Send)) -> Self {
        Self {
            output,
            pending: Vec::new(),
            left_out: 0,
            due: Instant::now(),
        }
    }

    pub(super) fn push(&mut self, bytes: &[u8]) {
        self.pending.extend_from_slice(bytes);
        if let Some(surplus) = self.pending.len().checked_sub(PIECE) {
            self.pending.drain(..surplus);
            self.left_out += surplus as u64;
        }
        if Instant::now() >= self.due {
            self.flush();
        }
    }

    /// Whether [`Live::flush`] is to be called when it is due.
    pub(super) fn is_waiting(&self) -> bool {
        !self.pending.is_empty()
    }

    pub(super) fn due(&self) -> Instant {
        self.due
    }

    pub(super) fn flush(&mut self) {
        let kept = self.pending.split_off(whole(&self.pending));
        self.hand_on();
        self.pending = kept;
        self.due = Instant::now() + PAUSE;
    }

    pub(super) fn finish(mut self) {
        self.hand_on();
    }

    fn hand_on(&mut self) {
        if self.pending.is_empty() {
            return;
        }
        let text = String::from_utf8_lossy(&self.pending);
        let piece = match self.left_out {
            0 => text.into_owned(),
            count => format!("\n[{count} bytes of output are not shown here]\n{text}"),
        };
        self.left_out = 0;
        (self.output)(piece);
    }
}

/// How many bytes end with a whole character: all but the beginning of one whose rest may still come.
pub(super) fn whole(bytes: &[u8]) -> usize {
    let longest = bytes.len().min(3);
    for back in 1..=longest {
        let byte = bytes[bytes.len() - back];
        let length = match byte {
            0xc2..=0xdf => 2,
            0xe0..=0xef => 3,
            0xf0..=0xf4 => 4,
            0x80..=0xbf => continue,
            _ => break,
        };
        return if back < length {
            bytes.len() - back
        } else {
            bytes.len()
        };
    }
    bytes.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_character_is_not_cut_in_two() {
        let text = "aé€😀".as_bytes();
        let ends: Vec<usize> = (0..=text.len()).map(|end| whole(&text[..end])).collect();
        assert_eq!(ends, [0, 1, 1, 3, 3, 3, 6, 6, 6, 6, 10]);
        // Never the beginning of anything.
        assert_eq!(whole(b"a\xff"), 2);
        assert_eq!(whole(b"\x80\x80\x80\x80"), 4);
    }

    #[tokio::test(start_paused = true)]
    async fn pieces_come_at_once_and_then_no_faster_than_the_pause() {
        let mut pieces = Vec::new();
        let mut output = |piece| pieces.push(piece);
        let mut live = Live::new(&mut output);
        live.push(b"first ");
        live.push("sec\u{f6}nd".as_bytes());
        assert!(live.is_waiting());
        tokio::time::sleep_until(live.due()).await;
        live.flush();
        live.push(&vec![b'x'; 3 * PIECE]);
        live.finish();
        assert_eq!(pieces[..2], ["first ".to_owned(), "sec\u{f6}nd".to_owned()]);
        assert_eq!(pieces.len(), 3);
        assert!(pieces[2].starts_with(&format!("\n[{} bytes", 2 * PIECE)));
        assert!(pieces[2].len() < PIECE + 100);
    }
}
