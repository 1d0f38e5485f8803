//! Clients that mean harm: the server stays up, its memory bounded, and goes on
//! answering the others.

mod crowds;
mod floods;
mod frames;
mod fuzz;
mod host;
mod messages;
mod races;
