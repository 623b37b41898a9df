//! Wharf's native host: sockets, clocks and files around the core, which does none of that itself.

#![forbid(unsafe_code)]

pub mod access_log;
pub mod ask;
pub mod banner;
pub mod chaos;
pub mod cli;
pub mod clock;
pub mod explain;
pub mod front;
pub mod handler;
pub mod load;
pub mod native;
pub mod reload;
pub mod serve;
pub mod state;
pub mod tls;
pub mod upstream;
pub mod wheel;
pub mod wire1;

#[cfg(test)]
mod testing;
