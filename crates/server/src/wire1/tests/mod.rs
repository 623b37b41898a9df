//! Tests of the codec.

mod bodies;
mod heads;
mod writing;
