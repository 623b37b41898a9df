//! The neutral model.
