//! The tests: a real server, a real Postgres, a real client.

mod access;
mod bad_input;
mod command;
mod concurrency;
mod conformance;
mod embedded;
mod faults;
mod feed;
mod grpcurl;
mod import_page;
mod layering;
mod newsroom;
mod proxy;
mod publishing;
mod raw;
mod workflow;
