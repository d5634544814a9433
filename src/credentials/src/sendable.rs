//! Whether a secret can travel in an HTTP header (RFC 9110 §5.5): one line of visible characters.

use secrecy::{ExposeSecret, SecretString};

/// What in a secret no header should carry: the kind of its first such character, and where it is. Never the secret.
/// `None`: it can be sent.
pub fn unsendable(secret: &SecretString) -> Option<String> {
    let text = secret.expose_secret();
    let is_bad = |letter: &char| !matches!(letter, ' '..='~' | '\t');
    let (index, letter) = text.chars().enumerate().find(|(_, letter)| is_bad(letter))?;
    let kind = match letter {
        '\n' => "a line feed".to_owned(),
        '\r' => "a carriage return".to_owned(),
        '\0'..='\u{1f}' | '\u{7f}' => format!("a control character ({:#04x})", u32::from(letter)),
        _ => "a character that is not ASCII".to_owned(),
    };
    let length = text.chars().count();
    Some(format!("{kind} (character {} of {length})", index + 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(secret: &str) -> Option<String> {
        unsendable(&secret.to_owned().into())
    }

    #[test]
    fn the_first_character_that_cannot_travel_is_told_and_nothing_else_of_the_secret() {
        assert_eq!(told("sk-proj_0/9+=~ x"), None);
        for (secret, words) in [
            ("sk-one\nsk-two", "a line feed (character 7 of 13)"),
            ("sk\r\n", "a carriage return (character 3 of 4)"),
            ("s\u{7}\u{7f}", "a control character (0x07) (character 2 of 3)"),
            ("s\u{7f}", "a control character (0x7f) (character 2 of 2)"),
            ("“sk", "a character that is not ASCII (character 1 of 3)"),
        ] {
            assert_eq!(told(secret).as_deref(), Some(words));
        }
    }
}
