//! Scenarios on a real engine; see `scripts/test.sh`.
