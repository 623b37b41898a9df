//! The format, both sides.
