//! Wharf's native host: sockets, clocks and files around the core, which does none of that itself.

pub mod clock;
pub mod upstream;
pub mod wheel;
pub mod wire1;

#[cfg(test)]
mod testing;
