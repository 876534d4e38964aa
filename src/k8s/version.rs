//! The version of Kubernetes that manifests are for, and since when there is what they use.

use std::fmt;
use std::str::FromStr;

/// A version of Kubernetes: 1 and this.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct KubeVersion(u16);

impl KubeVersion {
    /// The oldest that manifests can be made for: the first with Pod Security as it is now.
    pub const OLDEST: Self = Self(25);
    /// The newest whose schemas manifests are checked against.
    pub const NEWEST: Self = Self(37);

    /// Returns whether clusters of this version have something, without that an administrator turns it on.
    pub(super) fn has(self, feature: Feature) -> bool {
        FEATURES.iter().any(|(one, since)| *one == feature && self.0 >= *since)
    }
}

impl Default for KubeVersion {
    fn default() -> Self {
        Self::NEWEST
    }
}

impl fmt::Display for KubeVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "1.{}", self.0)
    }
}

impl FromStr for KubeVersion {
    type Err = String;

    /// Takes `1.33`, and what clusters say of themselves: `v1.33.2` and `v1.33.2-gke.100`.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut parts = text.strip_prefix('v').unwrap_or(text).split('.');
        let (first, second) = (parts.next(), parts.next().and_then(|part| part.parse().ok()));
        let version = second.map(Self).filter(|_| first == Some("1"));
        version
            .filter(|version| (Self::OLDEST..=Self::NEWEST).contains(version))
            .ok_or_else(|| format!("write a version from {} to {}, such as 1.33", Self::OLDEST, Self::NEWEST))
    }
}

/// What manifests use that older clusters lack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Feature {
    /// Containers that run first and stay: `restartPolicy: Always` of an init container.
    Sidecars,
    /// The field `appArmorProfile`, which was an annotation of the pod.
    AppArmorField,
    /// The field `image` of a volume, where the feature `ImageVolume` is turned on.
    ImageVolumeField,
    /// A `subPath` in a volume that is an image.
    ImageVolumeSubPath,
    /// Volumes that are images.
    ImageVolume,
}

/// Since when there is each of them.
///
/// See <https://kubernetes.io/docs/reference/command-line-tools-reference/feature-gates/>.
const FEATURES: [(Feature, u16); 5] = [
    (Feature::Sidecars, 29),
    (Feature::AppArmorField, 30),
    (Feature::ImageVolumeField, 31),
    (Feature::ImageVolumeSubPath, 33),
    (Feature::ImageVolume, 35),
];

#[cfg(test)]
mod tests {
    use super::KubeVersion;

    #[test]
    fn versions_are_read_as_clusters_write_them() {
        for (text, expected) in [
            ("1.33", Some("1.33")),
            ("v1.31.4", Some("1.31")),
            ("v1.30.2-gke.100", Some("1.30")),
            ("1.37", Some("1.37")),
            ("1.24", None),
            ("1.38", None),
            ("2.33", None),
            ("1", None),
            ("", None),
            ("latest", None),
        ] {
            let version = text.parse::<KubeVersion>().ok().map(|version| version.to_string());
            assert_eq!(version.as_deref(), expected, "{text}");
        }
    }
}
