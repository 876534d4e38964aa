//! The terminal as a device: raw mode, so that each key goes to a container as it is typed, and its size.

use std::io::{self, IsTerminal};

/// Whether standard input is a terminal.
pub(crate) fn is_input_terminal() -> bool {
    io::stdin().is_terminal()
}

/// Whether standard output is a terminal.
pub(crate) fn is_output_terminal() -> bool {
    io::stdout().is_terminal()
}

/// The size of the terminal that standard output goes to: rows and columns.
pub(crate) fn size() -> Option<(u16, u16)> {
    if !is_output_terminal() {
        return None;
    }
    let (columns, rows) = crossterm::terminal::size().ok()?;
    Some((rows, columns))
}

/// Raw mode, until it is dropped.
pub(crate) struct Raw(());

impl Raw {
    /// Switches the terminal of standard input to raw mode.
    pub(crate) fn enter() -> io::Result<Self> {
        crossterm::terminal::enable_raw_mode().map(|()| Self(()))
    }
}

impl Drop for Raw {
    fn drop(&mut self) {
        // There is nobody left to tell.
        let _ = crossterm::terminal::disable_raw_mode();
    }
}
