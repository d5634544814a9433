//! What is told of the connection to Discord while the host runs: that it is there, that it is gone for a while, and that it
//! is back.

use std::time::Duration;

use chat::discord::{Doctor, Gateway, Standing};
use tokio::time::{MissedTickBehavior, interval};

use crate::output;

const LOOK: Duration = Duration::from_millis(500);
/// Connections break, and are made again in a moment.
const GONE: Duration = Duration::from_secs(5);
/// The first one may take longer.
const NOT_YET: Duration = Duration::from_secs(30);

/// What was told.
#[derive(Debug, Default)]
struct Told {
    came: bool,
    gone: bool,
}

/// Tells it, for ever. Cancel safe.
pub(super) async fn tell(doctor: Option<Doctor>) {
    let Some(doctor) = doctor else {
        return std::future::pending().await;
    };
    let mut told = Told::default();
    let mut look = interval(LOOK);
    look.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        look.tick().await;
        if let Some(line) = told.line(&doctor.standing()) {
            output::say(&line);
        }
    }
}

impl Told {
    fn line(&mut self, standing: &Standing) -> Option<String> {
        match (&standing.gateway, &standing.name) {
            (Gateway::Connected, Some(name)) => self.is_there(name, standing.servers),
            // The log says why, and what to do.
            (Gateway::Refused { .. }, _) => None,
            _ => self.is_away(standing.down?),
        }
    }

    fn is_there(&mut self, name: &str, servers: usize) -> Option<String> {
        let was_gone = std::mem::take(&mut self.gone);
        let came = std::mem::replace(&mut self.came, true);
        match (came, servers) {
            (true, _) if was_gone => Some("connected to Discord again".to_owned()),
            (true, _) => None,
            (false, 0) => Some(format!(
                "connected to Discord as {name}, in no server yet: `agent-host doctor` has the link that invites it"
            )),
            (false, servers) => Some(format!(
                "connected to Discord as {name}, in {}: mention it in a channel",
                output::count(servers as u64, "server")
            )),
        }
    }

    fn is_away(&mut self, down: Duration) -> Option<String> {
        let (patience, words) = if self.came {
            (GONE, "the connection to Discord is gone; trying again")
        } else {
            (NOT_YET, "not connected to Discord yet; trying again")
        };
        if self.gone || down < patience {
            return None;
        }
        self.gone = true;
        Some(words.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_told_once_that_it_is_there_and_of_a_drop_only_if_it_lasts() {
        let mut told = Told::default();
        let mut at = |gateway: Gateway, down: u64| {
            told.line(&Standing {
                down: (gateway != Gateway::Connected).then(|| Duration::from_secs(down)),
                gateway,
                name: Some("agent".to_owned()),
                servers: 2,
            })
        };
        let (up, away) = (|| Gateway::Connected, || Gateway::Connecting);
        assert_eq!(at(away(), 1), None);
        let there = "connected to Discord as agent, in 2 servers: mention it in a channel";
        assert_eq!(at(up(), 0).as_deref(), Some(there));
        assert_eq!(at(up(), 0), None);
        assert_eq!(at(away(), 4), None, "a moment");
        assert_eq!(at(up(), 0), None, "of which nothing is told");
        assert_eq!(
            at(away(), 5).as_deref(),
            Some("the connection to Discord is gone; trying again")
        );
        assert_eq!(at(away(), 600), None);
        assert_eq!(at(up(), 0).as_deref(), Some("connected to Discord again"));
        let refused = Gateway::Refused { why: String::new() };
        assert_eq!(at(refused, 600), None);
    }
}
