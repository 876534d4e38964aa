//! Label selectors, as the API documents them.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, LabelSelectorRequirement};

/// Returns whether a selector selects what has these labels, by key. An empty one selects everything.
///
/// See <https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/#label-selectors>.
pub(super) fn selects<'a>(selector: &LabelSelector, label: impl Fn(&str) -> Option<&'a str>) -> bool {
    let LabelSelector { match_labels, match_expressions } = selector;
    let mut wanted = match_labels.iter().flatten();
    let mut expressions = match_expressions.iter().flatten();
    wanted.all(|(key, value)| label(key) == Some(value.as_str()))
        && expressions.all(|one| holds(one, label(&one.key)))
}

/// Returns the keys of the labels that a selector asks for.
pub(super) fn keys(selector: &LabelSelector) -> impl Iterator<Item = &String> {
    let LabelSelector { match_labels, match_expressions } = selector;
    let expressions = match_expressions.iter().flatten().map(|expression| &expression.key);
    match_labels.iter().flat_map(|labels| labels.keys()).chain(expressions)
}

fn holds(expression: &LabelSelectorRequirement, value: Option<&str>) -> bool {
    let LabelSelectorRequirement { key: _, operator, values } = expression;
    let is_listed = |value: &str| values.iter().flatten().any(|listed| listed == value);
    match operator.as_str() {
        "In" => value.is_some_and(is_listed),
        // Labels that are not there are not in any list.
        "NotIn" => !value.is_some_and(is_listed),
        "Exists" => value.is_some(),
        "DoesNotExist" => value.is_none(),
        // The API refuses any other, so no object has it.
        _ => false,
    }
}
