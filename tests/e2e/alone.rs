//! What needs the engine to itself, and comes first for that reason.
//!
//! An engine that leaves a Swarm forgets the names of all containers, on whatever network they are. And while an
//! engine creates a network, it lifts the isolation between the others for a moment.

mod course;
mod overlay;
