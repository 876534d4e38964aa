//! Label selectors, as the API documents them.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, LabelSelectorRequirement};

use super::Labels;

/// Returns whether a selector selects labels. An empty one selects everything.
///
/// See <https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/#label-selectors>.
pub(super) fn selects(selector: &LabelSelector, labels: &Labels) -> bool {
    let LabelSelector { match_labels, match_expressions } = selector;
    let mut wanted = match_labels.iter().flatten();
    let mut expressions = match_expressions.iter().flatten();
    wanted.all(|(key, value)| labels.get(key) == Some(value)) && expressions.all(|one| holds(one, labels))
}

fn holds(expression: &LabelSelectorRequirement, labels: &Labels) -> bool {
    let LabelSelectorRequirement { key, operator, values } = expression;
    let value = labels.get(key);
    let is_listed = |value: &String| values.iter().flatten().any(|listed| listed == value);
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
