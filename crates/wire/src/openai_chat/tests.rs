//! The dialect, both ways.
