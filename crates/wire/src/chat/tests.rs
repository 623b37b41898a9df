//! The neutral model.

mod errors;
mod events;
mod media;
mod state;
mod turns;
