//! Tables of text that fit a width: columns that matter less are left out first.

/// Blanks between two columns.
const GAP: usize = 2;

/// One column.
#[derive(Debug, Clone, Default)]
pub(super) struct Column {
    pub(super) heading: String,
    pub(super) cells: Vec<String>,
    pub(super) is_number: bool,
    /// Columns with larger numbers are left out first; one with 0 never is.
    pub(super) dispensable: u8,
    /// Characters at most.
    pub(super) width_max: usize,
}

impl Column {
    /// A column of texts.
    pub(super) fn text(heading: &str, dispensable: u8, width_max: usize) -> Self {
        Self {
            heading: heading.to_owned(),
            dispensable,
            width_max,
            ..Self::default()
        }
    }

    /// A column of numbers.
    pub(super) fn number(heading: &str, dispensable: u8) -> Self {
        Self {
            is_number: true,
            ..Self::text(heading, dispensable, 12)
        }
    }

    /// With these cells.
    pub(super) fn with(mut self, cells: impl Iterator<Item = String>) -> Self {
        self.cells = cells.collect();
        self
    }

    fn width(&self) -> usize {
        let texts = self.cells.iter().chain([&self.heading]);
        let longest = texts.map(|text| text.chars().count()).max().unwrap_or(0);
        longest.min(self.width_max.max(self.heading.chars().count()))
    }

    fn cell(&self, text: &str, width: usize) -> String {
        let text = cut(text, width);
        if self.is_number {
            format!("{text:>width$}")
        } else {
            format!("{text:<width$}")
        }
    }
}

/// The text in so many characters at most, without what would command a terminal.
pub(super) fn cut(text: &str, width: usize) -> String {
    let clean = text.chars().map(|character| {
        if character.is_control() {
            '\u{fffd}'
        } else {
            character
        }
    });
    let clean: Vec<char> = clean.collect();
    match clean.get(..width.saturating_sub(1)) {
        Some(start) if clean.len() > width && width > 0 => {
            start.iter().copied().chain(['…']).collect()
        }
        _ => clean.into_iter().take(width).collect(),
    }
}

/// The heading and the rows, none wider than `width`.
pub(super) fn lines(mut columns: Vec<Column>, width: usize) -> Vec<String> {
    let needed = |columns: &[Column]| {
        let widths = columns.iter().map(|column| column.width() + GAP);
        widths.sum::<usize>().saturating_sub(GAP)
    };
    while needed(&columns) > width
        && let Some((at, column)) = (columns.iter().enumerate())
            .rev()
            .max_by_key(|(_, column)| column.dispensable)
        && column.dispensable > 0
    {
        columns.remove(at);
    }
    let rows = columns.first().map_or(0, |column| column.cells.len());
    let widths: Vec<_> = columns.iter().map(Column::width).collect();
    let line = |text: &dyn Fn(&Column) -> String| {
        let cells = columns.iter().zip(&widths);
        let cells: Vec<_> = cells
            .map(|(column, width)| column.cell(&text(column), *width))
            .collect();
        cut(cells.join("  ").trim_end(), width)
    };
    let heading = line(&|column| column.heading.clone());
    let rows =
        (0..rows).map(|row| line(&|column| column.cells.get(row).cloned().unwrap_or_default()));
    [heading].into_iter().chain(rows).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn columns() -> Vec<Column> {
        let cells = |cells: [&'static str; 2]| cells.into_iter().map(str::to_owned);
        vec![
            Column::text("USER", 0, 8).with(cells(["crm", "a-very-long-name"])),
            Column::text("ADDRESS", 2, 20).with(cells(["192.0.2.1:5038", "[::1]:1"])),
            Column::number("LAG", 1).with(cells(["0", "1.5M"])),
        ]
    }

    #[test]
    fn what_matters_less_goes_first() {
        assert_eq!(
            lines(columns(), 80),
            [
                "USER      ADDRESS          LAG",
                "crm       192.0.2.1:5038     0",
                "a-very-…  [::1]:1         1.5M"
            ]
        );
        assert_eq!(
            lines(columns(), 20),
            ["USER       LAG", "crm          0", "a-very-…  1.5M"]
        );
        assert_eq!(lines(columns(), 5), ["USER", "crm", "a-ve…"]);
    }

    #[test]
    fn nothing_commands_the_terminal() {
        assert_eq!(cut("a\u{1b}[2Jb", 80), "a\u{fffd}[2Jb");
        assert_eq!(
            (cut("abc", 2), cut("abc", 3), cut("abc", 0)),
            ("a…".into(), "abc".into(), String::new())
        );
    }

    proptest! {
        #[test]
        fn no_line_is_too_wide(width in 0..100_usize, text in ".{0,40}") {
            let mut columns = columns();
            columns.push(Column::text("MORE", 3, 30).with([text, String::new()].into_iter()));
            for line in lines(columns, width) {
                prop_assert!(line.chars().count() <= width);
            }
        }
    }
}
