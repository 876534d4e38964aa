//! Which words of a file name something of the project: where services, networks, volumes and the like are defined, and
//! where they are used.

use std::ops::Range;

use super::outline::Outline;

/// What a name is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    /// A service.
    Service,
    /// A network.
    Network,
    /// A volume.
    Volume,
    /// A secret.
    Secret,
    /// A config.
    Config,
    /// A model.
    Model,
    /// A profile. It is defined nowhere: the services that name it belong to it.
    Profile,
}

impl Kind {
    /// The kinds that are defined in a section of the file, and the section.
    pub(super) const SECTIONS: [(Self, &'static str); 6] = [
        (Self::Service, "services"),
        (Self::Network, "networks"),
        (Self::Volume, "volumes"),
        (Self::Secret, "secrets"),
        (Self::Config, "configs"),
        (Self::Model, "models"),
    ];

    /// Returns the section of the file that defines it.
    pub(super) fn section(self) -> Option<&'static str> {
        Self::SECTIONS.iter().find(|(kind, _)| *kind == self).map(|(_, section)| *section)
    }

    /// Returns the word for it.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Service => "service",
            Self::Network => "network",
            Self::Volume => "volume",
            Self::Secret => "secret",
            Self::Config => "config",
            Self::Model => "model",
            Self::Profile => "profile",
        }
    }
}

/// A word that names something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Mention {
    /// What it is of.
    pub(super) kind: Kind,
    /// The name.
    pub(super) name: String,
    /// Where it is written, without quotes.
    pub(super) range: Range<usize>,
    /// The entry it is in.
    pub(super) entry: usize,
    /// Whether it is defined here.
    pub(super) is_definition: bool,
    /// The file that the name is looked up in, as it is written; `None` for the project, or the file at hand.
    pub(super) file: Option<String>,
}

/// Returns all words of a file that name something.
pub(super) fn mentions(outline: &Outline) -> Vec<Mention> {
    let uses = Uses::of(outline);
    (0..outline.entries().len()).flat_map(|entry| mentions_of(outline, &uses, entry)).collect()
}

/// Returns the word at a place that names something.
pub(super) fn mention_at(outline: &Outline, offset: usize) -> Option<Mention> {
    let (entry, _) = outline.at(offset)?;
    let mut found = mentions_in(outline, entry).into_iter();
    found.find(|mention| mention.range.start <= offset && offset <= mention.range.end)
}

/// Returns the words of an entry that name something.
pub(super) fn mentions_in(outline: &Outline, entry: usize) -> Vec<Mention> {
    mentions_of(outline, &Uses::of(outline), entry)
}

/// Returns the kind of name that a value at a place is, or that its keys are, and what is written before the name.
pub(super) fn kind_at(path: &[&str]) -> Option<(Kind, &'static str)> {
    let ["services", _, rest @ ..] = path else { return None };
    Some(match rest {
        ["depends_on" | "extends"]
        | ["depends_on" | "links" | "volumes_from", "-"]
        | ["extends", "service"] => (Kind::Service, ""),
        ["network_mode" | "ipc" | "pid"] | ["build", "additional_contexts", _] => (Kind::Service, "service:"),
        ["networks"] | ["networks", "-"] => (Kind::Network, ""),
        ["volumes", "-"] | ["volumes", "-", "source"] => (Kind::Volume, ""),
        ["secrets", "-"]
        | ["secrets", "-", "source"]
        | ["build", "secrets", "-"]
        | ["build", "secrets", "-", "source"] => (Kind::Secret, ""),
        ["configs", "-"] | ["configs", "-", "source"] | ["credential_spec", "config"] => (Kind::Config, ""),
        ["models"] | ["models", "-"] => (Kind::Model, ""),
        ["profiles", "-"] => (Kind::Profile, ""),
        _ => return None,
    })
}

/// Returns the steps to a place as if it was written where it is used: below an anchor of an extension, that is where
/// its alias stands.
pub(super) fn steps_where_used(outline: &Outline, steps: &[String]) -> Vec<String> {
    if !steps.first().is_some_and(|first| first.starts_with("x-")) {
        return steps.to_vec();
    }
    let uses = Uses::of(outline);
    // What is being written may have no entry yet.
    let known = (1..=steps.len()).rev().find_map(|length| Some((length, outline.find(&steps[..length])?)));
    let Some((length, entry)) = known else { return steps.to_vec() };
    let path = uses.path(outline, entry).into_iter().map(str::to_owned);
    path.chain(steps[length..].iter().cloned()).collect()
}

/// Where what has an anchor is used, for the extensions at the top: what is below them means what it means there.
struct Uses<'o>(Vec<(usize, Vec<&'o str>)>);

impl<'o> Uses<'o> {
    fn of(outline: &'o Outline) -> Self {
        let mut uses = Self(Vec::new());
        if outline.anchors().is_empty() {
            return uses;
        }
        let aliases: Vec<(&str, usize)> =
            outline.aliases().map(|(entry, name)| (&outline.text()[name], entry)).collect();
        // What an extension uses is used where that extension is: each round finds one more step of such a chain.
        loop {
            let place = |name: &str| {
                let mut of_name = aliases.iter().filter(|(alias, _)| *alias == name);
                of_name.find_map(|(_, entry)| uses.place(outline, *entry))
            };
            let is_new = |entry: usize| !uses.0.iter().any(|(known, _)| *known == entry);
            let anchors = outline.anchors().iter().filter(|anchor| is_new(anchor.entry));
            let found: Vec<_> = anchors
                .filter_map(|one| Some((one.entry, place(&outline.text()[one.name.clone()])?)))
                .collect();
            if found.is_empty() {
                return uses;
            }
            uses.0.extend(found);
        }
    }

    /// Returns what leads to the value that an alias stands for, or is merged into; `None` in an extension that is not
    /// used anywhere.
    fn place(&self, outline: &'o Outline, alias: usize) -> Option<Vec<&'o str>> {
        let mut path = self.path(outline, alias);
        match path.as_slice() {
            [.., "<<"] => path.truncate(path.len() - 1),
            [.., "<<", "-"] => path.truncate(path.len() - 2),
            _ => {}
        }
        (!path.first()?.starts_with("x-")).then_some(path)
    }

    /// Returns what leads to an entry, as if it was written where it is used.
    fn path(&self, outline: &'o Outline, entry: usize) -> Vec<&'o str> {
        let way = outline.way(entry);
        let is_extension = outline.name(way[0]).starts_with("x-");
        let used = way.iter().enumerate().rev().filter(|_| is_extension).find_map(|(at, entry)| {
            let (_, path) = self.0.iter().find(|(anchored, _)| anchored == entry)?;
            Some((at, path))
        });
        let (after, mut path) = used.map_or((0, Vec::new()), |(at, path)| (at + 1, path.clone()));
        path.extend(way[after..].iter().map(|entry| outline.name(*entry)));
        path
    }
}

fn mentions_of(outline: &Outline, uses: &Uses<'_>, entry: usize) -> Vec<Mention> {
    let path = uses.path(outline, entry);
    let own = &outline.entries()[entry];
    let mention = |kind: Kind, range: Range<usize>, is_definition: bool| {
        let name = outline.text().get(range.clone())?.to_owned();
        let is_name = !name.is_empty() && !name.contains('$') && name != "<<";
        is_name.then_some(Mention { kind, name, range, entry, is_definition, file: None })
    };
    if let [section, _] = path.as_slice() {
        let kind = Kind::SECTIONS.iter().find(|(_, one)| one == section);
        // What is used there is defined elsewhere.
        let stands_there = own.item.is_none() && outline.way(entry).len() == 2;
        let found =
            kind.filter(|_| stands_there).and_then(|(kind, _)| mention(*kind, outline.inner(&own.key), true));
        return found.into_iter().collect();
    }
    let mut found = Vec::new();
    if let Some((_, above)) = path.split_last()
        && own.item.is_none()
        && matches!(above.last(), Some(&("depends_on" | "networks" | "models")))
        && let Some((kind, _)) = kind_at(above)
    {
        found.extend(mention(kind, outline.inner(&own.key), false));
    }
    let Some(value) = outline.scalar(entry) else { return found };
    let start = outline.inner(&own.value).start;
    if let ["services", _, "build", "additional_contexts", "-"] = path.as_slice() {
        if let Some((before, name)) = value.split_once("=service:") {
            let at = start + before.len() + "=service:".len();
            found.extend(mention(Kind::Service, at..at + name.len(), false));
        }
        return found;
    }
    let Some((kind, prefix)) = kind_at(&path) else { return found };
    if matches!(path.last(), Some(&("depends_on" | "networks" | "models"))) {
        return found;
    }
    let Some(name) = value.strip_prefix(prefix) else { return found };
    let at = start + prefix.len();
    let short = name.split(':').next().unwrap_or(name);
    let sibling = |key: &str| {
        let parent = own.parent.filter(|_| own.item.is_none())?;
        outline.scalar(outline.child(Some(parent), key)?)
    };
    let name = match (kind, path.last()) {
        (Kind::Service, Some(&"-")) if name.starts_with("container:") => return found,
        // A path of the host, or a mount without a source.
        (Kind::Volume, Some(&"-")) if name.starts_with(['/', '.', '~', '\\']) || short == name => {
            return found;
        }
        (Kind::Service | Kind::Volume, Some(&"-")) => short,
        (Kind::Volume, _) if sibling("type").is_some_and(|kind| kind != "volume") => return found,
        _ => name,
    };
    let mut one = mention(kind, at..at + name.len(), false);
    if let (Some(one), Some(&"service")) = (&mut one, path.last()) {
        one.file = sibling("file").filter(|file| !file.is_empty()).map(str::to_owned);
    }
    found.extend(one);
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str) -> Vec<String> {
        let outline = Outline::read(text);
        let line = |one: Mention| {
            let how = if one.is_definition { "defines" } else { "uses" };
            let file = one.file.map_or_else(String::new, |file| format!(" of {file}"));
            format!("{how} {} {}{file}", one.kind.word(), &text[one.range])
        };
        mentions(&outline).into_iter().map(line).collect()
    }

    #[test]
    fn names_are_found_in_all_their_forms() {
        let text = "\
services:
  web:
    depends_on: {db: {condition: service_healthy}}
    networks: [front, \"back\"]
    network_mode: service:vpn
    links:
      - 'db:database'
    volumes:
      - data:/data:ro
      - ./here:/there
      - {type: volume, source: more, target: /more}
      - {type: bind, source: other, target: /other}
    extends: {file: base.yaml, service: common}
    secrets: [{source: key}]
    profiles: [debug]
    build: {additional_contexts: [\"base=service:builder\"]}
volumes:
  data:
";
        assert_eq!(
            check(text),
            [
                "defines service web",
                "uses service db",
                "uses network front",
                "uses network back",
                "uses service vpn",
                "uses service db",
                "uses volume data",
                "uses volume more",
                "uses service common of base.yaml",
                "uses secret key",
                "uses profile debug",
                "uses service builder",
                "defines volume data",
            ]
        );
    }

    #[test]
    fn what_is_below_an_anchor_means_what_it_means_where_it_is_used() {
        let text = "\
x-base: &base
  networks: [front]
x-needs: &needs [db]
x-outer: &outer
  <<: *base
  depends_on: *needs
services:
  web:
    <<: [*outer]
";
        assert_eq!(check(text), ["uses network front", "uses service db", "defines service web"]);
    }
}
