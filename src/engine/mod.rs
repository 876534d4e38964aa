//! Room 8: the door to Docker Engine.
