//! Who may do what, and that nobody sees more than that.

mod drafts;
mod gate;
mod matrix;
mod open;
mod own;
mod stock;
