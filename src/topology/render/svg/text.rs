//! How much room text takes, and how it is written in XML.

/// Returns at most how wide a text is in a font of that size: letters that are all as wide take six tenths of it.
pub(super) fn width(text: &str, size: i32) -> i32 {
    (units(text) * size * 61 + 99) / 100
}

/// Counts letters; those of Chinese, Japanese and Korean count twice.
fn units(text: &str) -> i32 {
    text.chars()
        .map(|letter| if letter >= '\u{1100}' && !('\u{2000}'..'\u{2e80}').contains(&letter) { 2 } else { 1 })
        .sum()
}

/// Shortens a text to a width.
pub(super) fn fit(text: &str, size: i32, most: i32) -> String {
    if width(text, size) <= most {
        return text.to_owned();
    }
    let mut short = String::new();
    for letter in text.chars() {
        if width(&short, size) + width(&format!("{letter}…"), size) > most {
            break;
        }
        short.push(letter);
    }
    short.push('…');
    short
}

/// Shortens a text to a width at its beginning, which says the least of an image.
pub(super) fn fit_end(text: &str, size: i32, most: i32) -> String {
    let reversed = |text: &str| text.chars().rev().collect::<String>();
    reversed(&fit(&reversed(text), size, most))
}

/// Escapes a text for elements and attributes. What XML does not know is left out.
pub(in crate::topology::render) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\n' | '\t' => escaped.push(letter),
            letter if letter.is_control() || matches!(letter, '\u{fffe}' | '\u{ffff}') => {}
            letter => escaped.push(letter),
        }
    }
    escaped
}
