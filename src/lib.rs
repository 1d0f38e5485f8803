//! Masthead: the content service of a newspaper newsroom, as one gRPC API on
//! Postgres.
//!
//! # The way of a request
//!
//! [`server`] → what stands around each call ([`telemetry`], [`deadline`], [`auth`]) → a
//! slice's `rpc` (decode, check, call) → its `mod` (rules) and [`db::Db::write`] → its
//! `store` → Postgres, and back.
//!
//! # The rooms
//!
//! | room | what is in it |
//! |---|---|
//! | [`config`] | settings, and the limits of every input |
//! | [`server`] | connections and TLS, the way of each call, all services, reflection, health, the end |
//! | [`auth`], [`admin`] | token → person and role; the table method → roles |
//! | [`audit`] | who did what, and who was refused what |
//! | [`deadline`] | how long a call may take, and what ends with it |
//! | [`telemetry`] | the log, metrics, traces, and what sees each call begin and end |
//! | [`vitals`] | what the server knows of itself, for operators and gauges |
//! | [`error`] | the one error type; the only conversion to a gRPC status |
//! | [`wire`] | names, etags, page tokens, cursors, field masks, times, the codec |
//! | [`db`] | the connections, the migrator, the one door for writes, waking the feeds after one |
//! | [`feed`] | what all feeds share: places, filters, one hub a process, watchers |
//! | [`byline`] | who signs articles and photos |
//! | [`filter`] | filters and orders of lists (aip.dev/160), read into trees that stores understand |
//! | [`search`] | finding articles by what they say: the index, the language of queries, excerpts |
//! | [`workflow`] | draft, reviewed, published: rules that articles, issues and photos share |
//! | [`newspaper`] [`issue`] [`article`] [`reporter`] [`photo`] [`publication`] [`activity`] | the slices: `mod` (types and rules), `store` (SQL), `rpc` (handlers) |
//! | [`import`] | readers of foreign formats into drafts; clients of the API |
//! | [`demo`] | the main job from text to published issue, as a newsroom does it |
//! | [`backup`] | the database and the photos in one folder, of one moment, and back |
//! | [`installation`] [`terminal`] | what the command works with: data folder, database, photo store; progress |
//! | [`embedded`] | the Postgres of the quick start and the tests |
//! | [`calendar`], [`text`], [`copy_check`], [`name_reading`], [`digest`] | pure: weekday and lunar date; counting, setting and folding text; faults of copy; pinyin; SHA-256 |

pub mod activity;
pub mod admin;
pub mod article;
pub mod audit;
pub mod auth;
pub mod backup;
pub mod byline;
pub mod calendar;
pub mod config;
pub mod copy_check;
pub mod db;
pub mod deadline;
pub mod demo;
pub mod digest;
pub mod embedded;
pub mod error;
pub mod feed;
pub mod filter;
pub mod import;
pub mod installation;
pub mod issue;
pub mod name_reading;
pub mod newspaper;
pub mod photo;
pub mod publication;
pub mod reporter;
pub mod search;
pub mod server;
pub mod telemetry;
pub mod terminal;
pub mod text;
pub mod vitals;
pub mod wire;
pub mod workflow;

/// The encoded descriptors of the API with everything it imports and the error
/// details, for reflection.
pub const DESCRIPTOR_SET: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/descriptor_set.bin"));

/// The generated API: messages and clients, and in [`pb::servers`] the traits
/// of the services.
#[allow(missing_docs, clippy::all)]
pub mod pb {
    pub use masthead::v1::*;

    mod masthead {
        pub mod v1 {
            include!(concat!(env!("OUT_DIR"), "/masthead.v1.rs"));
        }
    }

    /// The generated servers.
    pub mod servers {
        include!(concat!(env!("OUT_DIR"), "/servers/masthead.v1.rs"));
    }

    /// Common types of the Google APIs.
    pub mod google {
        /// `google.type`.
        pub mod r#type {
            include!(concat!(env!("OUT_DIR"), "/google.r#type.rs"));
        }
    }
}
