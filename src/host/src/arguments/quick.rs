//! The one command line that programs type, read without building the tree of all verbs.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::Parser;

use super::{Arguments, Auth, CONFIG_FILE, TokenRequest, Verb};

/// What may follow `auth token`.
#[derive(Debug, Parser)]
struct AuthToken {
    #[arg(long, value_name = "FILE", help = CONFIG_FILE)]
    config: Option<PathBuf>,
    #[command(flatten)]
    asked: TokenRequest,
}

/// What was typed, if it is a sound `auth token`. Anything else, its help and its mistakes too, is for the whole tree.
///
/// A program asks for a token before each of its requests, and building the tree takes as long as finding the token.
pub(super) fn auth_token(mut words: impl Iterator<Item = OsString>) -> Option<Arguments> {
    let program = words.next()?;
    if words.next()? != "auth" || words.next()? != "token" {
        return None;
    }
    let AuthToken { config, asked } =
        AuthToken::try_parse_from(std::iter::once(program).chain(words)).ok()?;
    Some(Arguments {
        config,
        verb: Verb::Auth(Auth::Token(asked)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn quick(line: &str) -> Option<Arguments> {
        auth_token(line.split(' ').map(OsString::from))
    }

    fn whole(line: &str) -> Arguments {
        Arguments::try_parse_from(line.split(' ')).unwrap()
    }

    #[test]
    fn it_reads_what_the_whole_tree_reads() {
        for line in [
            "agent-host auth token codex",
            "agent-host auth token codex --json --min-ttl 60 --scope a --scope b --rejected-stdin",
            "agent-host auth token --user discord:1234 --config other.toml -- mcp:docs",
        ] {
            assert_eq!(
                format!("{:?}", quick(line).unwrap()),
                format!("{:?}", whole(line)),
                "{line}"
            );
        }
    }

    #[test]
    fn anything_else_is_for_the_whole_tree() {
        for line in [
            "agent-host auth token",
            "agent-host auth token codex --help",
            "agent-host auth token codex --jsno",
            "agent-host auth token codex --version",
            "agent-host auth list",
            "agent-host --config other.toml auth token codex",
            "agent-host",
        ] {
            assert!(quick(line).is_none(), "{line}");
        }
    }
}
