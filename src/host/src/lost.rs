//! A conversation that is gone while what its threads left is still there.

use std::fs;
use std::path::Path;

use crate::failure::Failure;
use crate::output;

/// What a host must not begin with in silence: `None` where nothing is lost, words where there is no conversation any more.
///
/// Errors: it is there and empty, as after a copy that broke off.
pub(crate) fn look(state: &Path) -> Result<Option<String>, Failure> {
    let file = state.join("conversation.db");
    // Only our own agent keeps something in the first; the second may be elsewhere.
    let Some((left, folder)) = ["threads", "workspaces"]
        .map(|name| state.join(name))
        .into_iter()
        .map(|folder| (fs::read_dir(&folder).map_or(0, Iterator::count), folder))
        .rev()
        .max_by_key(|(left, _)| *left)
        .filter(|(left, _)| *left > 0)
    else {
        return Ok(None);
    };
    let has = if left == 1 { "thread has" } else { "threads have" };
    let what = format!("and {left} {has} files in `{}`", folder.display());
    match fs::metadata(&file) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Some(format!(
            "there is no `{}`, {what}: what was said in them is not known",
            file.display()
        ))),
        Ok(found) if found.is_file() && found.len() == 0 => Err(Failure::words(format!(
            "`{}` is empty, {what}",
            file.display()
        ))
        .hint(format!(
            "put a backup in its place; or remove `{}`, and the host begins with no threads, while their files stay",
            file.display()
        ))),
        // Whatever else it is, opening it tells.
        _ => Ok(None),
    }
}

/// Says what is lost, where that is no reason not to start.
pub(crate) fn refuse_or_warn(state: &Path) -> Result<(), Failure> {
    if let Some(loss) = look(state)? {
        tracing::warn!("{loss}");
        output::say(&format!(
            "warning: {loss}; if that was not meant, stop this host and put a backup in its place"
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_conversation_that_was_emptied_is_an_error_and_one_that_is_gone_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let state = folder.path();
        let file = state.join("conversation.db");
        assert!(
            look(state).unwrap().is_none(),
            "nothing is lost before the first start"
        );
        fs::write(&file, "").unwrap();
        assert!(
            look(state).unwrap().is_none(),
            "a host was killed at its first start"
        );
        fs::create_dir_all(state.join("threads/web-a")).unwrap();
        let refused = look(state).unwrap_err();
        assert!(refused.to_string().contains("1 thread has files"), "{refused}");
        assert!(refused.hint_words().unwrap().contains(file.to_str().unwrap()));
        fs::remove_file(&file).unwrap();
        let told = look(state).unwrap().unwrap();
        assert!(told.contains(state.join("threads").to_str().unwrap()), "{told}");
        fs::create_dir_all(state.join("workspaces/web-a")).unwrap();
        fs::create_dir_all(state.join("workspaces/web-b")).unwrap();
        let told = look(state).unwrap().unwrap();
        assert!(
            told.contains("2 threads have files"),
            "those of other agents count: {told}"
        );
        fs::write(&file, "something").unwrap();
        assert!(look(state).unwrap().is_none());
    }
}
