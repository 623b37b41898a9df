// How things that wasm asked for come back. src/events.rs names the same numbers, and a test there compares.

export const DONE = 0;
export const PIECE = 1;
export const END = 2;
export const DNS = 3;
export const CONNECT = 4;
export const TLS = 5;
export const OBJECT = 6;
export const CLOSED = 7;
export const GARBAGE = 8;
export const HEAD_TIMEOUT = 9;
export const IDLE_TIMEOUT = 10;
export const UPLOAD = 11;
export const TOO_LARGE = 12;
export const STORE_FAILED = 13;
export const STORE_SLOW = 14;
