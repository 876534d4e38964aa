//! Whatever is typed, the server answers.

use serde_json::{Value, json};
use topo::load::{OsWorld, World as _};

use super::editor::{Editor, position};
use crate::examples::compose_files;
use crate::generated::repository;

/// A generator of its own, so that a seed gives the same edits forever.
struct Dice(u64);

impl Dice {
    /// Returns a number below a limit: xorshift64*.
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let number = self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33;
        usize::try_from(number).unwrap() % limit.max(1)
    }

    fn of<'a, T: ?Sized>(&mut self, choices: &[&'a T]) -> &'a T {
        choices[self.below(choices.len())]
    }

    /// Returns where a character starts.
    fn place(&mut self, text: &str) -> usize {
        let mut at = self.below(text.len() + 1);
        while !text.is_char_boundary(at) {
            at -= 1;
        }
        at
    }
}

const TYPED: [&str; 34] = [
    "a",
    " ",
    "\n",
    "\n  ",
    "\n    ",
    ":",
    ": ",
    "- ",
    "-",
    "[",
    "]",
    "{",
    "}",
    "\"",
    "'",
    "#",
    " #",
    "&",
    "*",
    "|",
    ">",
    "$",
    "${",
    "\t",
    "\r\n",
    "ä",
    "\u{1f433}",
    "services:",
    "depends_on:",
    "image: x",
    "<<: *a",
    "!reset",
    "---\n",
    ",",
];

const ASKED: [&str; 10] = [
    "completion",
    "hover",
    "definition",
    "references",
    "documentSymbol",
    "codeAction",
    "prepareRename",
    "rename",
    "inlayHint",
    "codeLens",
];

/// Types something at random into a file, and asks something about it. Returns whether there was an answer.
fn type_and_ask(editor: &mut Editor, dice: &mut Dice, name: &str) -> bool {
    let now = editor.text(name).to_owned();
    let at = dice.place(&now);
    match dice.below(10) {
        0..=5 => editor.change(name, at..at, dice.of(&TYPED)),
        6..=8 => {
            let end = now[at..].chars().next().map_or(at, |one| at + one.len_utf8());
            editor.change(name, at..end, "");
        }
        _ => {
            let end = at + now[at..].char_indices().nth(dice.below(40)).map_or(0, |(end, _)| end);
            editor.change(name, at..end, dice.of(&TYPED));
        }
    }
    let now = editor.text(name).to_owned();
    let at = position(&now, dice.place(&now));
    let more = json!({
        "range": { "start": at, "end": at },
        "newName": "other",
        "context": { "includeDeclaration": true, "diagnostics": [] },
    });
    let answer = editor.ask(dice.of(&ASKED), name, &at, &more);
    // To refuse is to answer; a bug is not.
    assert!(answer.as_ref().err().is_none_or(|error| !error.starts_with("-32603")), "{answer:?}\n{now}");
    answer.is_ok_and(|answer| answer != Value::Null)
}

#[test]
fn thousands_of_keystrokes_at_random_do_not_end_it() {
    let mut dice = Dice(20_260_801);
    let mut answered = 0;
    for file in compose_files() {
        let text = String::from_utf8(OsWorld.read(&repository(&file)).unwrap()).unwrap();
        let mut editor = Editor::on([]);
        editor.open("compose.yaml", &text);
        for _ in 0..250 {
            answered += usize::from(type_and_ask(&mut editor, &mut dice, "compose.yaml"));
        }
        // What is there in the end is what was typed.
        let length = editor.text("compose.yaml").len();
        editor.change("compose.yaml", 0..length, &text);
        let wanted = {
            let mut fresh = Editor::on([]);
            fresh.open("compose.yaml", &text);
            fresh.said("compose.yaml")
        };
        assert_eq!(editor.said("compose.yaml"), wanted, "{file}");
        assert!(editor.quit(), "{file}");
    }
    assert!(answered > 1000, "only {answered} requests had an answer");
}

/// Files that include, extend and override each other, and one that stands alone.
const FILES: [(&str, &str); 6] = [
    ("base.yaml", "services:\n  common:\n    image: x:1\n    environment: [A=1]\n"),
    (
        "compose.yaml",
        "include: [part.yaml, other.yaml]\nservices:\n  web:\n    image: x:1\n    networks: [front]\nnetworks:\n  front:\n",
    ),
    ("compose.override.yaml", "services:\n  web:\n    depends_on: [api]\n"),
    ("compose.prod.yaml", "services:\n  web:\n    restart: always\n    networks: [front]\n"),
    (
        "other.yaml",
        "services:\n  more:\n    extends: {file: base.yaml, service: common}\n    depends_on: [api]\n",
    ),
    ("part.yaml", "services:\n  api:\n    image: y:1\n    networks: [front]\n    depends_on: [web]\n"),
];

#[test]
fn several_files_are_told_of_as_if_nobody_had_mistyped() {
    let open = || {
        let mut editor = Editor::on(FILES);
        FILES.iter().for_each(|(name, text)| {
            editor.open(name, text);
        });
        editor
    };
    let said = |editor: &mut Editor| -> Vec<Vec<String>> {
        let of_file = |(name, _): &(&str, &str)| {
            let mut said = editor.said(name);
            said.sort();
            said
        };
        FILES.iter().map(of_file).collect()
    };
    let wanted = said(&mut open());
    for seed in 1..=4 {
        let mut dice = Dice(seed);
        let mut editor = open();
        for _ in 0..8 {
            for _ in 0..12 {
                let (name, _) = FILES[dice.below(FILES.len())];
                type_and_ask(&mut editor, &mut dice, name);
            }
            for (name, text) in FILES {
                let length = editor.text(name).len();
                editor.change(name, 0..length, text);
            }
            assert_eq!(said(&mut editor), wanted, "{seed}");
        }
        assert!(editor.quit());
    }
}

/// Each beginning of a file is a file that somebody is writing.
#[test]
fn a_file_is_typed_from_its_first_letter_to_its_last() {
    let text = super::SHOP;
    let mut editor = Editor::on([]);
    editor.open("compose.yaml", "");
    let mut offers = 0;
    for (at, one) in text.char_indices() {
        editor.change("compose.yaml", at..at, &one.to_string());
        let end = at + one.len_utf8();
        let at = position(text, end);
        let items = editor.ask("completion", "compose.yaml", &at, &json!({})).unwrap();
        offers += usize::from(items.as_array().is_some_and(|items| !items.is_empty()));
    }
    assert!(offers > 100, "only {offers} places had an offer");
    let mut fresh = Editor::on([]);
    fresh.open("compose.yaml", text);
    assert_eq!(editor.said("compose.yaml"), fresh.said("compose.yaml"));
    assert!(editor.quit());
}
