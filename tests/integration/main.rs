//! The tests: a real server, a real Postgres, a real client.

mod access;
mod bad_input;
mod command;
mod concurrency;
mod conformance;
mod corrections;
mod embedded;
mod faults;
mod feed;
mod grpcurl;
mod history;
mod import_page;
mod layering;
mod newsroom;
mod photo_rights;
mod photo_search;
mod photo_usages;
mod preflight;
mod proxy;
mod publishing;
mod pulling;
mod raw;
mod scheduling;
mod verifying;
mod withdrawal;
mod workflow;
