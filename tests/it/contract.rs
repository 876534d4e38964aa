//! The obligations of an engine, held by the one in memory always.
