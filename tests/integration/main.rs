//! The tests: a real server, a real Postgres, a real client.

mod embedded;
mod import_page;
mod layering;
mod newsroom;
