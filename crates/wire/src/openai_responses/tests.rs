//! Responses, both sides.
