//! The side of the command that asks.

use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use serde_json::Value;

use super::{Answer, MAX_LINE, Request, address};
use crate::failure::{Exit, Failure};

/// A host that says nothing for so long is not going to.
const PATIENCE: Duration = Duration::from_mins(1);

/// Asks the host of this state folder. `None`: no host runs.
pub(crate) fn ask(state: &Path, request: &Request) -> Result<Option<Value>, Failure> {
    let (address, _folder) = match address(state) {
        Ok(address) => address,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(Failure::looking_into(state, error)),
    };
    let stream = match UnixStream::connect(&address) {
        Ok(stream) => stream,
        // No socket, or one that a killed host left behind.
        Err(error)
            if matches!(
                error.kind(),
                io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused
            ) =>
        {
            return Ok(None);
        }
        Err(error) => {
            return Err(match std::fs::symlink_metadata(&address) {
                Ok(_) => Failure::during(error, "could not reach the running host")
                    .hint("run this as the user whose host it is"),
                // Nobody sees from here whether one runs.
                Err(error) => Failure::looking_into(state, error),
            });
        }
    };
    match exchange(&stream, request) {
        Ok(Answer::Done { value }) => Ok(Some(value)),
        Ok(Answer::Failed { words }) => Err(Failure::words(words)),
        Err(error) => Err(Failure::during(error, "the running host did not answer")
            .exit(Exit::TryAgain)
            .hint("try again; if it stays silent, look at its log")),
    }
}

fn exchange(mut stream: &UnixStream, request: &Request) -> io::Result<Answer> {
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    let mut line = serde_json::to_vec(request)?;
    line.push(b'\n');
    stream.write_all(&line)?;
    let mut answer = Vec::new();
    BufReader::new(stream.take(MAX_LINE)).read_until(b'\n', &mut answer)?;
    if answer.is_empty() {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(serde_json::from_slice(&answer)?)
}
