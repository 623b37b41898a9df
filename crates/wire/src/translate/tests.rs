//! The hub over all formats.
