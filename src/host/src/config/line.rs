//! From offsets in the file to lines and columns.

/// Tells where in a text an offset is.
#[derive(Debug)]
pub(super) struct Lines<'a>(&'a str);

impl<'a> Lines<'a> {
    /// For this text.
    pub(super) fn of(text: &'a str) -> Self {
        Self(text)
    }

    /// The line of a byte offset, from 1.
    pub(super) fn line(&self, offset: usize) -> usize {
        self.before(offset).matches('\n').count() + 1
    }

    /// Line and column (in characters) of a byte offset, both from 1.
    pub(super) fn line_and_column(&self, offset: usize) -> (usize, usize) {
        let before = self.before(offset);
        let start = before.rfind('\n').map_or(0, |at| at + 1);
        (self.line(offset), before[start..].chars().count() + 1)
    }

    fn before(&self, offset: usize) -> &'a str {
        let mut end = offset.min(self.0.len());
        while !self.0.is_char_boundary(end) {
            end -= 1;
        }
        &self.0[..end]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offsets_become_lines_and_columns() {
        let lines = Lines::of("é = 1\nb\n");
        assert_eq!(lines.line_and_column(0), (1, 1));
        assert_eq!(lines.line_and_column(1), (1, 1));
        assert_eq!(lines.line_and_column(2), (1, 2));
        assert_eq!(lines.line_and_column(7), (2, 1));
        assert_eq!(lines.line_and_column(99), (3, 1));
    }
}
