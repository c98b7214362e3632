//! Frames on a terminal. Colour only where it is wanted; without it, what is wrong is told by its words.

use ratatui::Frame;
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::{Line, Text};
use ratatui::widgets::Paragraph;

use super::layout::{self, Kind, Shown};

/// Draws a frame.
pub(super) fn draw(frame: &mut Frame<'_>, shown: Shown<'_>, is_coloured: bool) {
    let area = frame.area();
    let lines = layout::frame(shown, area.width.into(), area.height.into());
    let lines = lines.into_iter().map(|line| {
        let style = style(line.kind, is_coloured);
        let text = if matches!(line.kind, Kind::Heading | Kind::Help) {
            // The bar goes from edge to edge.
            format!("{:<width$}", line.text, width = usize::from(area.width))
        } else {
            line.text
        };
        Line::styled(text, style)
    });
    frame.render_widget(Paragraph::new(lines.collect::<Text<'_>>()), area);
}

fn style(kind: Kind, is_coloured: bool) -> Style {
    let style = match kind {
        Kind::Heading => Style::new().add_modifier(Modifier::REVERSED),
        Kind::Total | Kind::Wrong => Style::new().add_modifier(Modifier::BOLD),
        Kind::Plain | Kind::Behind => Style::new(),
        Kind::Help => Style::new().add_modifier(Modifier::DIM),
    };
    let colour = match kind {
        Kind::Wrong => Color::Red,
        Kind::Behind => Color::Yellow,
        Kind::Heading => Color::Cyan,
        Kind::Total | Kind::Plain | Kind::Help => return style,
    };
    if is_coloured { style.fg(colour) } else { style }
}
