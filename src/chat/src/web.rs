//! The web chat: threads in a page, on loopback.

mod view;
