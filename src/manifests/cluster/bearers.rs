//! The pods that bear each label, so that not every pod is looked at for every selector.

use std::collections::HashMap;

use super::Pod;

/// The places of pods by their labels.
pub(super) struct Bearers {
    all: Vec<usize>,
    by_label: HashMap<(String, String), Vec<usize>>,
}

impl Bearers {
    pub(super) fn of(pods: &[Pod]) -> Self {
        let mut by_label: HashMap<(String, String), Vec<usize>> = HashMap::new();
        for (at, pod) in pods.iter().enumerate() {
            for (key, value) in &pod.labels {
                by_label.entry((key.clone(), value.clone())).or_default().push(at);
            }
        }
        Self { all: (0..pods.len()).collect(), by_label }
    }

    /// Returns the bearers of that one of the labels which the fewest pods have: who bears all is among them.
    pub(super) fn of_labels<'a>(
        &self,
        labels: impl IntoIterator<Item = (&'a String, &'a String)>,
    ) -> &[usize] {
        let bearers = |(key, value): (&String, &String)| {
            self.by_label.get(&(key.clone(), value.clone())).map_or(&[][..], Vec::as_slice)
        };
        labels.into_iter().map(bearers).min_by_key(|pods| pods.len()).unwrap_or(&self.all)
    }
}
