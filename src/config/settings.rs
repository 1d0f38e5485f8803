//! Settings from flags and environment, typed. What they may be is checked when
//! they are read.

use std::{env, net::SocketAddr, path::PathBuf};

use clap::Args;

use super::{
    AccessSettings, CHANGE_RETENTION_DAYS_DEFAULT, DatabaseSettings, IdentitySettings, PHOTO_BYTES_DEFAULT,
    PUBLISHED_CACHE_MIB_DEFAULT, RENDER_MEMORY_MIB_DEFAULT, RENDERS_WAITING_DEFAULT, RENDITIONS_DEFAULT,
    REVISIONS_KEPT_DEFAULT, RequestSettings, Setting, UPLOAD_RETENTION_HOURS_DEFAULT,
    UPLOADS_RUNNING_DEFAULT, WATCH_CHECKPOINT_SECONDS_DEFAULT, WATCH_STREAMS_DEFAULT,
    WORKING_CACHE_MIB_DEFAULT,
    connections::{ConnectionSettings, StopSettings, TlsSettings},
};
use crate::photo::{files::Location, rendition::size::NamedSize};

/// Where the data of a server are.
#[derive(Args, Clone, Debug)]
pub struct DataSettings {
    /// Folder for everything the server keeps on disk: photos, the operator's
    /// first token, and the embedded Postgres if there is no database URL
    /// [default: /var/lib/masthead as root, else ~/.local/share/masthead]
    #[arg(long, env = "MASTHEAD_DATA_DIR", value_name = "FOLDER")]
    pub data_dir: Option<PathBuf>,

    /// Where photo files lie: a folder, which several servers may share, or
    /// s3://BUCKET/PREFIX of an S3-compatible service, with its key, region and
    /// endpoint in AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_REGION,
    /// AWS_ENDPOINT_URL (and AWS_ALLOW_HTTP=true for one without TLS)
    /// [default: photos in the data folder]
    #[arg(long, env = "MASTHEAD_PHOTO_STORE", value_name = "FOLDER or URL")]
    pub photo_store: Option<Location>,

    /// Postgres 15 to 18 to use, as postgres://USER:PASSWORD@HOST:PORT/DATABASE;
    /// without it, a Postgres of its own runs in the data folder
    #[arg(long, env = "MASTHEAD_DATABASE_URL", value_name = "URL", hide_env_values = true)]
    pub database_url: Option<String>,

    /// How the database is used.
    #[command(flatten)]
    pub database: DatabaseSettings,

    /// Revisions of an article to keep of those that nobody has signed; signed
    /// ones are always kept
    #[arg(long, env = "MASTHEAD_REVISIONS_KEPT", value_name = "COUNT",
          default_value_t = REVISIONS_KEPT_DEFAULT, value_parser = clap::value_parser!(u32).range(1..))]
    pub revisions_kept: u32,
}

impl DataSettings {
    /// The data folder: as given, or the usual place for this user.
    pub fn folder(&self) -> PathBuf {
        self.data_dir.clone().unwrap_or_else(usual_data_folder)
    }

    /// The photo store: as given, or a folder in the data folder.
    pub fn photo_store(&self) -> Location {
        self.photo_store.clone().unwrap_or_else(|| Location::Folder(self.folder().join("photos")))
    }
}

/// Where and how a server listens.
#[derive(Args, Clone, Debug)]
pub struct ListenSettings {
    /// Address and port to listen on; port 0 takes a free one. Without TLS it must
    /// be one of loopback, unless --insecure-listen is given
    #[arg(long, env = "MASTHEAD_LISTEN", value_name = "ADDRESS:PORT", default_value = "127.0.0.1:50051")]
    pub listen: SocketAddr,
}

/// How the feeds are kept.
#[derive(Args, Clone, Copy, Debug)]
pub struct FeedSettings {
    /// Days that changes of working copies are kept for `WatchChanges` and
    /// `ListChanges`; what is published stays for ever
    #[arg(long, env = "MASTHEAD_CHANGE_RETENTION_DAYS", value_name = "DAYS",
          default_value_t = CHANGE_RETENTION_DAYS_DEFAULT,
          value_parser = clap::value_parser!(u32).range(1..=36_500))]
    pub change_retention_days: u32,

    /// Watch streams open at once, at most
    #[arg(long, env = "MASTHEAD_WATCH_STREAMS_MAX", value_name = "COUNT", default_value_t = WATCH_STREAMS_DEFAULT,
          value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub watch_streams_max: u32,

    /// Seconds of quiet after which a watch stream gets a checkpoint
    #[arg(long, env = "MASTHEAD_WATCH_CHECKPOINT_SECONDS", value_name = "SECONDS",
          default_value_t = WATCH_CHECKPOINT_SECONDS_DEFAULT,
          value_parser = clap::value_parser!(u32).range(1..=3_600))]
    pub watch_checkpoint_seconds: u32,
}

impl Default for FeedSettings {
    fn default() -> FeedSettings {
        FeedSettings {
            change_retention_days: CHANGE_RETENTION_DAYS_DEFAULT,
            watch_streams_max: WATCH_STREAMS_DEFAULT,
            watch_checkpoint_seconds: WATCH_CHECKPOINT_SECONDS_DEFAULT,
        }
    }
}

/// How published issues and articles are served.
#[derive(Args, Clone, Copy, Debug)]
pub struct ReadingSettings {
    /// Memory for published issues and articles that readers ask for again and again,
    /// at most, in MiB; with 0 each is read from the database
    #[arg(long, env = "MASTHEAD_PUBLISHED_CACHE_MIB", value_name = "MIB",
          default_value_t = PUBLISHED_CACHE_MIB_DEFAULT,
          value_parser = clap::value_parser!(u32).range(0..=65_536))]
    pub published_cache_mib: u32,

    /// Memory for articles that are being worked on, at most, in MiB: whether one is
    /// still as it stands is asked of the database at each get, and only what has
    /// changed is read anew; with 0 each is read
    #[arg(long, env = "MASTHEAD_WORKING_CACHE_MIB", value_name = "MIB",
          default_value_t = WORKING_CACHE_MIB_DEFAULT,
          value_parser = clap::value_parser!(u32).range(0..=65_536))]
    pub working_cache_mib: u32,
}

impl Default for ReadingSettings {
    fn default() -> ReadingSettings {
        ReadingSettings {
            published_cache_mib: PUBLISHED_CACHE_MIB_DEFAULT,
            working_cache_mib: WORKING_CACHE_MIB_DEFAULT,
        }
    }
}

/// What uploads of photos may do.
#[derive(Args, Clone, Copy, Debug)]
pub struct UploadSettings {
    /// Bytes of a photo's original file, at most
    #[arg(long, env = "MASTHEAD_PHOTO_BYTES_MAX", value_name = "BYTES", default_value_t = PHOTO_BYTES_DEFAULT,
          value_parser = clap::value_parser!(u64).range(1..=5_000_000_000))]
    pub photo_bytes_max: u64,

    /// Uploads of photos that run at once, at most; each takes up to 20 MB of
    /// memory if the photo store is a bucket
    #[arg(long, env = "MASTHEAD_UPLOADS_MAX", value_name = "COUNT", default_value_t = UPLOADS_RUNNING_DEFAULT,
          value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub uploads_max: u32,

    /// Hours after its last byte until an upload that was not finished is removed
    #[arg(long, env = "MASTHEAD_UPLOAD_RETENTION_HOURS", value_name = "HOURS",
          default_value_t = UPLOAD_RETENTION_HOURS_DEFAULT,
          value_parser = clap::value_parser!(u32).range(1..=8_760))]
    pub upload_retention_hours: u32,
}

impl Default for UploadSettings {
    fn default() -> UploadSettings {
        UploadSettings {
            photo_bytes_max: PHOTO_BYTES_DEFAULT,
            uploads_max: UPLOADS_RUNNING_DEFAULT,
            upload_retention_hours: UPLOAD_RETENTION_HOURS_DEFAULT,
        }
    }
}

/// Which renditions of photos are made, and how many at once.
#[derive(Args, Clone, Debug)]
pub struct RenditionSettings {
    /// A size of renditions by name, in pixels at most, with the quality of its
    /// JPEG (1 to 100) behind @; with ! the picture is cut to fill the size, around
    /// its focal point. Repeat it, or separate several with commas; they stand in
    /// place of the ones below
    #[arg(long = "rendition", env = "MASTHEAD_RENDITION", value_name = "NAME=WIDTHxHEIGHT[!][@QUALITY]",
          value_delimiter = ',', default_values = RENDITIONS_DEFAULT)]
    pub renditions: Vec<NamedSize>,

    /// Renditions made at once, at most [default: one for each core]
    #[arg(long, env = "MASTHEAD_RENDERS_MAX", value_name = "COUNT",
          value_parser = clap::value_parser!(u32).range(1..=1_024))]
    pub renders_max: Option<u32>,

    /// Memory for the renditions that are made at once, at most, in MiB; a photo
    /// that takes more for itself has none
    #[arg(long, env = "MASTHEAD_RENDER_MEMORY_MIB_MAX", value_name = "MIB",
          default_value_t = RENDER_MEMORY_MIB_DEFAULT, value_parser = clap::value_parser!(u32).range(64..=1_048_576))]
    pub render_memory_mib_max: u32,

    /// Renditions that wait to be made, at most
    #[arg(long, env = "MASTHEAD_RENDERS_WAITING_MAX", value_name = "COUNT",
          default_value_t = RENDERS_WAITING_DEFAULT, value_parser = clap::value_parser!(u32).range(0..=100_000))]
    pub renders_waiting_max: u32,
}

impl Default for RenditionSettings {
    fn default() -> RenditionSettings {
        RenditionSettings {
            // A test reads them all.
            renditions: RENDITIONS_DEFAULT.iter().filter_map(|size| size.parse().ok()).collect(),
            renders_max: None,
            render_memory_mib_max: RENDER_MEMORY_MIB_DEFAULT,
            renders_waiting_max: RENDERS_WAITING_DEFAULT,
        }
    }
}

/// What a server may be told besides where its data are and where to listen.
#[derive(Args, Clone, Debug, Default)]
pub struct ServiceSettings {
    /// How the feeds are kept.
    #[command(flatten)]
    pub feeds: FeedSettings,
    /// What one person may ask.
    #[command(flatten)]
    pub access: AccessSettings,
    /// Whose tokens are taken besides access tokens.
    #[command(flatten)]
    pub identity: IdentitySettings,
    /// How published issues and articles are served.
    #[command(flatten)]
    pub reading: ReadingSettings,
    /// What uploads of photos may do.
    #[command(flatten)]
    pub uploads: UploadSettings,
    /// Which renditions of photos are made.
    #[command(flatten)]
    pub renditions: RenditionSettings,
    /// TLS.
    #[command(flatten)]
    pub tls: TlsSettings,
    /// What connections may do.
    #[command(flatten)]
    pub connections: ConnectionSettings,
    /// How it stops.
    #[command(flatten)]
    pub stop: StopSettings,
    /// How long calls may take.
    #[command(flatten)]
    pub requests: RequestSettings,
    /// All settings of the command, for operators to see.
    #[arg(skip)]
    pub in_force: Vec<Setting>,
}

fn usual_data_folder() -> PathBuf {
    // The folder of this process belongs to its effective user.
    let is_root =
        std::fs::metadata("/proc/self").is_ok_and(|own| std::os::unix::fs::MetadataExt::uid(&own) == 0);
    if is_root {
        return PathBuf::from("/var/lib/masthead");
    }
    let home = || env::var_os("HOME").map(|home| PathBuf::from(home).join(".local/share"));
    let base = env::var_os("XDG_DATA_HOME").map(PathBuf::from).or_else(home);
    base.unwrap_or_else(env::temp_dir).join("masthead")
}
