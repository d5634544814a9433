//! Tests of the fake Discord: by serenity, which is what the product speaks through, and by plain HTTP and frames.

mod bot;
mod plain;

mod contract;
mod conversations;
mod events;
mod faults;
mod gateway;
mod interactions;
mod limits;
mod permissions;
mod rest;
mod tls;
