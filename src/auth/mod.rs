//! Who is calling, and whether they may: credential → principal, and one [`table`]
//! method × role. Permission is decided before a message is read, and so before
//! anything is looked up. What a role may do with one's own or others' work, and in
//! which newspapers, is asked where the thing is in hand ([`Principal::must_reach`],
//! [`workflow::own`](crate::workflow)).

mod credentials;
mod gate;
pub mod jwt;
mod principal;
mod quota;
mod refused;
mod strangers;
mod stream;
pub mod table;

pub use credentials::Credentials;
pub use gate::Gate;
pub use principal::{Call, Connection, EVERY_NEWSPAPER, Principal, Scope};
pub use strangers::counted;
