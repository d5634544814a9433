//! A program at a terminal of its own, and the person who sits there.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::process::{Child, Command};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use nix::pty::openpty;
use nix::sys::termios::{LocalFlags, SetArg, tcgetattr, tcsetattr};

/// How long a person waits for what is certain to come.
const CERTAIN: Duration = Duration::from_mins(1);

/// A terminal with a program. Dropped, the program ends with it.
#[derive(Debug)]
pub struct Pty {
    keyboard: File,
    screen: Receiver<Vec<u8>>,
    child: Child,
    shown: String,
    /// What was expected so far ends here.
    read: usize,
}

impl Pty {
    /// Starts the program as the leader of a session whose terminal this is, so that Ctrl-C reaches it.
    pub fn start(program: &Command) -> Self {
        let pair = openpty(None, None).expect("the system has terminals");
        let side = File::from(pair.slave);
        // Ctrl-C makes the kernel drop what is on its way to the screen, now and then with the program's answer to it.
        let mut manner = tcgetattr(&side).expect("a terminal has a manner");
        manner.local_flags.insert(LocalFlags::NOFLSH);
        tcsetattr(&side, SetArg::TCSANOW, &manner).expect("it can be changed");
        let mut command = Command::new("setsid");
        command
            .arg("--ctty")
            .arg(program.get_program())
            .args(program.get_args());
        command.env_clear();
        for (name, value) in program.get_envs() {
            command.env(name, value.unwrap_or_default());
        }
        command.env("PATH", "/usr/bin:/bin");
        let again = || side.try_clone().expect("a descriptor can be doubled");
        let child = command
            .stdin(again())
            .stdout(again())
            .stderr(again())
            .spawn()
            .expect("the program starts");
        drop((command, side));
        let keyboard = File::from(pair.master);
        let mut light = keyboard.try_clone().expect("a descriptor can be doubled");
        let (show, screen) = channel();
        std::thread::spawn(move || {
            let mut bytes = [0; 4096];
            // Ends with an error when nobody has the other side any more.
            while let Ok(length) = light.read(&mut bytes) {
                if length == 0 || show.send(bytes[..length].to_vec()).is_err() {
                    return;
                }
            }
        });
        Self {
            keyboard,
            screen,
            child,
            shown: String::new(),
            read: 0,
        }
    }

    /// Waits until this is shown, after what was expected before.
    #[track_caller]
    pub fn expect(&mut self, words: &str) {
        let until = Instant::now() + CERTAIN;
        loop {
            if let Some(at) = self.shown[self.read..].find(words) {
                self.read += at + words.len();
                return;
            }
            let left = until.saturating_duration_since(Instant::now());
            match self.screen.recv_timeout(left) {
                Ok(bytes) => self.shown.push_str(&String::from_utf8_lossy(&bytes)),
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {
                    panic!("`{words}` was not shown:\n{}", self.shown)
                }
            }
        }
    }

    /// Types a line.
    pub fn types(&mut self, line: &str) {
        self.presses(&format!("{line}\n"));
    }

    /// Presses keys.
    pub fn presses(&mut self, keys: &str) {
        self.keyboard
            .write_all(keys.as_bytes())
            .expect("the terminal is there");
    }

    /// Waits for the program's end: its exit code, and all that was ever shown.
    pub fn ends(&mut self) -> (Option<i32>, String) {
        let status = self.child.wait().expect("it can be waited for");
        while let Ok(bytes) = self.screen.recv_timeout(CERTAIN) {
            self.shown.push_str(&String::from_utf8_lossy(&bytes));
        }
        (status.code(), self.shown.clone())
    }
}

impl Drop for Pty {
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(None)) {
            // It may end by itself in between.
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}
