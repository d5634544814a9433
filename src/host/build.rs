//! Links the worker at a fixed address.
//!
//! A position-independent program has its tables of pointers rewritten at every start: half a megabyte of private memory
//! in each of a thousand workers. Heap, stack and libraries stay at random addresses. adr/0006 weighs it.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    if std::env::var("CARGO_CFG_TARGET_ENV").is_ok_and(|environment| environment == "gnu") {
        println!("cargo::rustc-link-arg-bin=agent-host-worker=-no-pie");
    }
}
