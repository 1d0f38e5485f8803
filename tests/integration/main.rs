//! The tests: a real server, a real Postgres, a real client.

mod command;
mod embedded;
mod grpcurl;
mod import_page;
mod layering;
mod newsroom;
