//! Declares structs of the model: `record!` makes of one documented field for each attribute its parsing, its checks, its
//! merge rule, its schema and its hover text.

/// Declares a struct of the model: one documented field for each attribute, and room for `x-` attributes.
///
/// `as "key"` names an attribute that Rust cannot. `#[default = ...]` is what counts where it is not written,
/// `#[example = ...]` a value as it may be written, and `#[obsolete = ...]` says what to do instead: editors show them.
/// `may be nothing` lets it be written without a value. `short form` gives the function that expands short forms, and
/// their schemas. `check` gets the decoded value to complete it, or to find fault with it; what of that a schema can
/// tell as well is said again by `#[minimum = ...]`, `#[maximum = ...]` and `as a schema`.
macro_rules! record {
    (
        $(#[doc = $doc:literal])*
        $(#[derive($($derive:ident),*)])?
        pub struct $name:ident {
            $(
                $(#[doc = $field_doc:literal])*
                $(#[default = $default:literal])?
                $(#[example = $($example:tt)+])*
                $(#[minimum = $minimum:literal])?
                $(#[maximum = $maximum:literal])?
                $(#[obsolete = $obsolete:literal])?
                $(#[serde($($serde:tt)*)])?
                pub $field:ident $(as $key:literal)? : $type:ty,
            )*
        }
        $(short form $expand:path, $($short:tt),+;)?
        $(merged $variant:literal;)?
        $(may be $nothing:ident;)?
        $(check $check:path;)?
        $(as a schema $rules:tt;)?
    ) => {
        $(#[doc = $doc])*
        #[derive(Clone, Debug, PartialEq, serde::Serialize)]
        $(#[derive($($derive),*)])?
        pub struct $name {
            $(
                $(#[doc = $field_doc])*
                $(#[doc = concat!("\n\nDefault: `", $default, "`.")])?
                #[serde(skip_serializing_if = "crate::model::attribute::Attribute::is_unset")]
                $(#[serde(rename = $key)])?
                $(#[serde($($serde)*)])?
                pub $field: $type,
            )*
            /// Attributes that start with `x-`.
            #[serde(skip)]
            pub extensions: $crate::model::attribute::Extensions,
        }

        impl $name {
            /// The attributes, in the order of the model.
            pub const KEYS: &'static [&'static str] =
                &[$($crate::model::attribute::key_of!($field $($key)?),)*];

            fn shape_of(key: &str) -> Option<&'static $crate::model::attribute::Shape> {
                $(if key == $crate::model::attribute::key_of!($field $($key)?) {
                    return Some(<$type as $crate::model::attribute::Attribute>::SHAPE);
                })*
                None
            }
        }

        impl $crate::model::attribute::Attribute for $name {
            const SHAPE: &'static $crate::model::attribute::Shape = &$crate::model::attribute::Shape {
                kind: $crate::model::attribute::record_kind!(Self $(, $variant)?),
                expand: $crate::model::attribute::record_expand!($($expand)?),
            };
            $(const MAY_BE_NOTHING: bool = $crate::model::attribute::is_nothing!($nothing);)?

            fn decode(
                node: &$crate::yaml::Node,
                place: &$crate::model::attribute::Place<'_>,
                decoder: &mut $crate::model::attribute::Decoder<'_>,
            ) -> Option<Self> {
                use $crate::model::attribute::{Attribute, key_of};
                let Some(map) = node.as_map() else {
                    return decoder.wrong_type(node, place, "a mapping");
                };
                $(let mut $field: Option<$type> = None;)*
                // Keys whose required value could not be read: they are not missing as well.
                let mut unreadable: Vec<&'static str> = Vec::new();
                let mut extensions = $crate::model::attribute::Extensions::new();
                for (key, entry) in map {
                    $(if key == key_of!($field $($key)?) {
                        $field = <$type as Attribute>::decode(&entry.node, &place.key(key), decoder)
                            // What is wrong has been said; go on, so that later checks speak too.
                            .map_or_else(<$type as Attribute>::unset, Some);
                        if $field.is_none() {
                            unreadable.push(key_of!($field $($key)?));
                        }
                        continue;
                    })*
                    if key.starts_with("x-") {
                        extensions.insert(key.to_string(), entry.node.to_json());
                    } else {
                        decoder.unknown_key(key, entry.key, place, Self::KEYS.iter().copied());
                    }
                }
                $(let $field = $field.or_else(<$type as Attribute>::unset).or_else(|| {
                    if !unreadable.contains(&key_of!($field $($key)?)) {
                        decoder.missing(node.span, place, key_of!($field $($key)?));
                    }
                    None
                });)*
                #[allow(unused_mut, reason = "not every record is checked")]
                let mut decoded = Self { $($field: $field?,)* extensions };
                $(if !decoder.partial {
                    $check(&mut decoded, node, place, decoder);
                })?
                Some(decoded)
            }

            fn schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
                let long = generator.subschema_for::<Self>();
                $crate::model::attribute::record_schema!(long $(, $($short),+)?)
            }

        }

        impl schemars::JsonSchema for $name {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
                let mut record = $crate::model::schema::Record::new(concat!($($doc, "\n",)*));
                $(record.attribute(
                    <$type as $crate::model::attribute::Attribute>::schema(generator),
                    $crate::model::schema::Declared {
                        key: $crate::model::attribute::key_of!($field $($key)?),
                        documentation: concat!($($field_doc, "\n",)*),
                        default: $crate::model::attribute::optional!($(serde_json::json!($default))?),
                        examples: vec![$(serde_json::json!($($example)+)),*],
                        minimum: $crate::model::attribute::optional!($($minimum)?),
                        maximum: $crate::model::attribute::optional!($($maximum)?),
                        obsolete: $crate::model::attribute::optional!($($obsolete)?),
                        required: <$type as $crate::model::attribute::Attribute>::unset().is_none(),
                    },
                );)*
                record.finish($crate::model::attribute::optional!($(serde_json::json!($rules))?))
            }
        }
    };
}

/// The attribute's name in the file.
macro_rules! key_of {
    ($field:ident) => {
        stringify!($field)
    };
    ($field:ident $key:literal) => {
        $key
    };
}

macro_rules! optional {
    () => {
        None
    };
    ($value:expr) => {
        Some($value)
    };
}

macro_rules! is_nothing {
    (nothing) => {
        true
    };
}

macro_rules! record_kind {
    ($self:ty) => {
        $crate::model::attribute::Kind::Record(<$self>::shape_of)
    };
    ($self:ty, $variant:literal) => {
        $crate::model::attribute::Kind::Variant($variant, <$self>::shape_of)
    };
}

macro_rules! record_expand {
    () => {
        None
    };
    ($expand:path) => {
        Some($expand)
    };
}

macro_rules! record_schema {
    ($long:expr) => {
        $long
    };
    ($long:expr, $($short:tt),+) => {
        $crate::model::schema::forms(&[$(schemars::json_schema!($short)),+], $long)
    };
}

/// For a newtype around a collection: it is unset when it is empty.
macro_rules! unset_when_empty {
    () => {
        fn unset() -> Option<Self> {
            Some(Self::default())
        }

        fn is_unset(&self) -> bool {
            self.0.is_empty()
        }
    };
}

pub(crate) use {
    is_nothing, key_of, optional, record, record_expand, record_kind, record_schema, unset_when_empty,
};
