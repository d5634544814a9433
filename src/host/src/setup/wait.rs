//! Waiting for a person who clicks elsewhere: looked at again every few seconds, ticked when it is there.

use std::time::Duration;

use chat::discord::inspect::Trouble;

use super::Guide;
use crate::failure::Failure;
use crate::output;

/// Often enough to feel live, and far below every rate limit.
const PAUSE: Duration = Duration::from_secs(3);

impl Guide<'_> {
    /// Looks until it is there, or the person skips it; without a person once. What is not there, in the words of `lacks`,
    /// is remembered as left.
    ///
    /// Errors: Discord knows the token no more, or the person is gone.
    pub(super) async fn wait<T>(
        &mut self,
        lacks: &str,
        steps: &str,
        look: impl AsyncFn() -> Result<Option<T>, Trouble>,
    ) -> Result<Option<T>, Failure> {
        let mut told = String::new();
        loop {
            let words = match look().await {
                Ok(Some(found)) => return Ok(Some(found)),
                Ok(None) => lacks.to_owned(),
                Err(trouble) if trouble.may_pass() => {
                    format!("not known yet ({trouble}), as it seems {lacks}")
                }
                Err(trouble) => return Err(Failure::of(trouble.into())),
            };
            let Some(dialogue) = &mut self.dialogue else {
                output::say(&format!("   ✘ {words}"));
                self.left.push(format!("{lacks}: {steps}"));
                return Ok(None);
            };
            if words != told {
                output::say(&format!(
                    "   … {words}\n     {steps}\n     (waiting; Enter looks again, `skip` goes on without it)"
                ));
                told = words;
            }
            tokio::select! {
                () = tokio::time::sleep(PAUSE) => {}
                line = dialogue.next() => {
                    if line?.eq_ignore_ascii_case("skip") {
                        self.left.push(format!("{lacks}: {steps}"));
                        return Ok(None);
                    }
                    // Says again what it sees.
                    told.clear();
                }
            }
        }
    }
}
