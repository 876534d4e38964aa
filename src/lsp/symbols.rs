//! What is in a file: its sections, what they define, and the attributes of that.

use lsp_types::{DocumentSymbol, SymbolKind};

use super::asked::Asked;
use super::outline::Content;

/// How deep a file is listed: `services`, a service, its attributes.
const DEPTH: usize = 3;
/// In a file with more keys and items than this, attributes are left out: nobody finds one in a list of thousands.
const ATTRIBUTE_LIMIT: usize = 4_000;

/// Returns the symbols of a file.
pub(super) fn symbols(asked: &Asked<'_>) -> Vec<DocumentSymbol> {
    let is_large = asked.outline.entries().len() > ATTRIBUTE_LIMIT;
    below(asked, None, SymbolKind::NAMESPACE, 1, if is_large { DEPTH - 1 } else { DEPTH })
}

fn below(
    asked: &Asked<'_>,
    parent: Option<usize>,
    kind: SymbolKind,
    depth: usize,
    last: usize,
) -> Vec<DocumentSymbol> {
    let outline = &asked.outline;
    let keys = outline.children(parent).filter(|entry| outline.entries()[*entry].item.is_none());
    let symbol = |entry: usize| {
        let own = &outline.entries()[entry];
        let name = outline.name(entry);
        if name.is_empty() || own.content == Content::Word {
            return None;
        }
        let of = |attribute: &str| outline.scalar(outline.child(Some(entry), attribute)?);
        let is_definition = depth == 2;
        let detail = match outline.scalar(entry) {
            Some(value) => Some(value.to_owned()),
            None if is_definition => {
                of("image").or_else(|| of("driver")).or_else(|| of("file")).map(str::to_owned)
            }
            None => None,
        };
        let children = match depth < last {
            true => below(asked, Some(entry), kind_below(name, depth), depth + 1, last),
            false => Vec::new(),
        };
        #[expect(deprecated, reason = "the field has to be given")]
        Some(DocumentSymbol {
            name: name.to_owned(),
            detail,
            kind,
            tags: None,
            deprecated: None,
            range: asked.range(&(own.key.start..own.end)),
            selection_range: asked.range(&own.key),
            children: (!children.is_empty()).then_some(children),
        })
    };
    keys.filter_map(symbol).collect()
}

fn kind_below(name: &str, depth: usize) -> SymbolKind {
    match (depth, name) {
        (1, "services") => SymbolKind::CLASS,
        (1, "networks") => SymbolKind::INTERFACE,
        (1, "volumes") => SymbolKind::STRUCT,
        (1, "secrets") => SymbolKind::KEY,
        (1, "configs") => SymbolKind::FILE,
        (1, "models") => SymbolKind::MODULE,
        _ => SymbolKind::PROPERTY,
    }
}
