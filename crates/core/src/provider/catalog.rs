//! The registry of built-in providers: one entry each.
