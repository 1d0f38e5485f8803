//! Settings from flags and environment, and the limits of every input, with
//! their units in their names. The README lists the limits.

use std::{env, net::SocketAddr, path::PathBuf, time::Duration};

use clap::Args;

use crate::photo::{files::Location, rendition::size::NamedSize};

/// Rows in a page of a list if the caller does not say.
pub const PAGE_ROWS_DEFAULT: i64 = 50;
/// Rows in a page of a list at most; more asked for means this many.
pub const PAGE_ROWS_MAX: i64 = 500;
/// Names in one batch call at most.
pub const BATCH_NAMES_MAX: usize = 500;
/// Violations kept of one request at most.
pub const VIOLATIONS_MAX: usize = 100;
/// Bytes of one request message at most.
pub const REQUEST_BYTES_MAX: usize = 4 * 1024 * 1024;

/// Characters of a person's, a newspaper's, a column's or a section's name.
pub const NAME_CHARS_MAX: usize = 100;
/// Characters of a headline, kicker or subheadline.
pub const HEADLINE_CHARS_MAX: usize = 200;
/// Characters that a printed headline may have to fit a place of no stated
/// weight, as a newspaper counts them: a Latin letter or digit is half of one.
/// More is a warning of preflight; so with the four that follow.
pub const HEADLINE_FIT_CHARS: usize = 30;
/// Characters of a headline that fit a lead: two lines over the page.
pub const LEAD_HEADLINE_FIT_CHARS: usize = 30;
/// Characters of a headline that fit a story of middle weight.
pub const SECONDARY_HEADLINE_FIT_CHARS: usize = 24;
/// Characters of a headline that fit a brief: one line.
pub const BRIEF_HEADLINE_FIT_CHARS: usize = 18;
/// Characters of a headline that fit a photo story.
pub const PHOTO_STORY_HEADLINE_FIT_CHARS: usize = 20;
/// Characters of a credit line, a source, a place, an attribution or a body in
/// charge.
pub const CREDIT_CHARS_MAX: usize = 200;
/// Characters of a press card number or a telephone number.
pub const NUMBER_CHARS_MAX: usize = 50;
/// Characters of a mailbox (RFC 3696 erratum 1690 allows no longer one).
pub const EMAIL_CHARS_MAX: usize = 320;
/// Characters of a web site as printed.
pub const WEBSITE_CHARS_MAX: usize = 500;
/// Characters of a language tag (RFC 5646 section 4.4.1).
pub const LANGUAGE_CHARS_MAX: usize = 35;
/// Characters of a caption or of usage terms.
pub const CAPTION_CHARS_MAX: usize = 2_000;
/// Characters of a copyright notice.
pub const COPYRIGHT_CHARS_MAX: usize = 500;
/// Characters of a review's remark, a return's reason or a publication's note.
pub const REMARK_CHARS_MAX: usize = 1_000;
/// Characters of a paragraph.
pub const PARAGRAPH_CHARS_MAX: usize = 20_000;
/// Characters of a quotation set apart.
pub const QUOTE_CHARS_MAX: usize = 5_000;
/// Characters of an item of a list.
pub const ITEM_CHARS_MAX: usize = 2_000;
/// Characters of a cell of a table.
pub const CELL_CHARS_MAX: usize = 500;
/// Characters of a label.
pub const LABEL_CHARS_MAX: usize = 100;
/// Characters of a URL in a text.
pub const URL_CHARS_MAX: usize = 2_000;
/// Characters of a whole body.
pub const BODY_CHARS_MAX: usize = 200_000;
/// Characters of a keyword.
pub const KEYWORD_CHARS_MAX: usize = 50;

/// Characters of the filter of a list.
pub const FILTER_CHARS_MAX: usize = 2_000;
/// Parentheses in each other in the filter of a list.
pub const FILTER_DEPTH_MAX: usize = 32;
/// Comparisons in the filter of a list.
pub const FILTER_COMPARISONS_MAX: usize = 50;
/// Characters of the order of a list.
pub const ORDER_CHARS_MAX: usize = 100;
/// Bytes of the resources on a page of a list or search, before the last of them:
/// 3 MiB, so that a client with gRPC's usual limit of 4 MiB can receive it.
pub const PAGE_MESSAGES_BYTES_MAX: usize = 3 * 1024 * 1024;
/// Resources that are fetched at once to fill a page.
pub const PAGE_ROWS_AT_A_TIME: usize = 20;

/// Characters of what is searched for.
pub const QUERY_CHARS_MAX: usize = 200;
/// Results of a search for photos that are counted for its `total_size`.
pub const SEARCH_COUNT_MAX: i64 = 1_000;
/// Articles that may hold what is searched for and are all looked at. Of more, the
/// newest are looked at first, and how many there are is an estimate.
pub const SEARCH_CANDIDATES_MAX: i64 = 10_000;
/// Articles of the newest days that a search looks at one by one before it sorts
/// all that may hold what is searched for.
pub const SEARCH_NEWEST_ROWS: i64 = 20_000;
/// Memory in Postgres for one search, as Postgres writes it.
pub const SEARCH_MEMORY: &str = "64MB";
/// Excerpts of an article that was found, at most.
pub const EXCERPTS_MAX: usize = 3;
/// Characters of an excerpt at most.
pub const EXCERPT_CHARS_MAX: usize = 80;
/// Characters of an excerpt before the first place that is highlighted, at most.
pub const EXCERPT_LEAD_CHARS: usize = 20;
/// Articles whose entries are made anew in one transaction when a search index is
/// rebuilt.
pub const REBUILD_ROWS: i64 = 200;
/// Entries of a search index that are made anew between two lines of the log, when
/// that happens by itself.
pub const REBUILD_LOG_ROWS: i64 = 10_000;
/// Time until it is tried again to bring the search indexes up to date.
pub const REBUILD_PAUSE: Duration = Duration::from_secs(5);

/// Pen names of a reporter.
pub const PEN_NAMES_MAX: usize = 20;
/// Articles and photos that a duplicate stands in which is merged into another
/// reporter: all of them change in one transaction.
pub const MERGE_COPIES_MAX: usize = 10_000;
/// Articles and photos that a merge has in memory at once.
pub const MERGE_COPIES_AT_A_TIME: usize = 100;
/// Months of one statistics of a reporter: 50 years.
pub const STATISTICS_MONTHS_MAX: usize = 600;
/// Months of a statistics if the caller does not say.
pub const STATISTICS_MONTHS_DEFAULT: usize = 24;
/// How often reporters are looked for whom search does not know as they are now.
pub const REPORTER_UPKEEP_PERIOD: Duration = Duration::from_secs(60);
/// Reporters whose keys are made at once.
pub const REPORTER_UPKEEP_ROWS: i64 = 500;
/// Bylines of an article.
pub const ARTICLE_BYLINES_MAX: usize = 50;
/// Bylines of a photo.
pub const PHOTO_BYLINES_MAX: usize = 20;
/// Blocks of a body.
pub const BODY_BLOCKS_MAX: usize = 2_000;
/// Formatted spans of a paragraph.
pub const SPANS_MAX: usize = 200;
/// Items of a list.
pub const LIST_ITEMS_MAX: usize = 200;
/// Rows of a table.
pub const TABLE_ROWS_MAX: usize = 200;
/// Cells of a row of a table.
pub const TABLE_CELLS_MAX: usize = 50;
/// Photos of an article, beside or inside its text.
pub const ARTICLE_PHOTOS_MAX: usize = 100;
/// Keywords of an article or a photo.
pub const KEYWORDS_MAX: usize = 50;
/// Placements on a page.
pub const PLACEMENTS_MAX: usize = 100;
/// Pages of an issue, and so the highest page number.
pub const PAGES_MAX: i32 = 999;
/// Faults that preflight names of the copy of one article, photo or page.
pub const COPY_FINDINGS_MAX: usize = 20;
/// Earlier issues that preflight names as unpublished.
pub const UNPUBLISHED_ISSUES_MAX: i64 = 10;
/// Findings that one preflight answers.
pub const FINDINGS_MAX: usize = 1_000;
/// Issues of one day that a calendar of published issues shows; the others of the
/// day it only counts.
pub const CALENDAR_ISSUES_OF_DAY_MAX: i64 = 20;
/// The highest running number of an issue.
pub const ISSUE_NUMBER_MAX: i32 = 999_999;
/// The lowest temperature of a forecast, in degrees Celsius.
pub const CELSIUS_MIN: i32 = -90;
/// The highest temperature of a forecast, in degrees Celsius.
pub const CELSIUS_MAX: i32 = 60;

/// Revisions of an article that nobody has signed, which are kept if the
/// operator does not say.
pub const REVISIONS_KEPT_DEFAULT: u32 = 500;
/// Characters looked at in order to tell which of the blocks that were rewritten
/// in one comparison of revisions became which; where that would take more, they
/// are shown as removed and added.
pub const COMPARE_STEPS_MAX: usize = 10_000_000;

/// Bytes of a photo's original file at most, unless it is set otherwise: 1 GiB.
pub const PHOTO_BYTES_DEFAULT: u64 = 1024 * 1024 * 1024;
/// Pixels on one side of a picture at most (the limit of JPEG).
pub const PHOTO_SIDE_PX_MAX: u32 = 65_535;
/// Pixels of a picture in all at most: 300 megapixels, twice what the largest
/// camera backs take.
pub const PHOTO_PIXELS_MAX: u64 = 300_000_000;
/// Bytes of one message of an upload or download at most: 1 MiB.
pub const CHUNK_BYTES_MAX: usize = 1024 * 1024;
/// Bytes of an upload after which it is noted how far it has come: 8 MiB. In a
/// bucket, the size of a part, which must be 5 MiB or more.
pub const UPLOAD_MARK_BYTES: u64 = 8 * 1024 * 1024;
/// Uploads that one person may have open, to be continued.
pub const UPLOADS_OPEN_MAX: i64 = 100;
/// Uploads that run at once, unless it is set otherwise.
pub const UPLOADS_RUNNING_DEFAULT: u32 = 64;
/// Hours after which an upload is given up, unless it is set otherwise.
pub const UPLOAD_RETENTION_HOURS_DEFAULT: u32 = 24;
/// How often uploads that were given up are removed.
pub const UPLOAD_SWEEP_PERIOD: Duration = Duration::from_secs(600);
/// Uploads that are removed in one go.
pub const UPLOAD_SWEEP_ROWS: i64 = 100;
/// Age from which a file that nothing refers to is an orphan: before it, it may
/// be an upload that is about to end.
pub const ORPHAN_AGE_MIN: Duration = Duration::from_secs(3600);
/// Files of the photo store that are looked up at once when it is verified.
pub const VERIFY_FILES_AT_A_TIME: usize = 100;
/// Files of the photo store that are verified between two messages of progress.
pub const VERIFY_FILES_PROGRESS: i64 = 10;
/// Names that a finding in the photo store lists at most.
pub const FILE_USERS_MAX: i64 = 5;
/// Time between two messages of an upload at most.
pub const UPLOAD_PAUSE_MAX: Duration = Duration::from_secs(60);

/// Widths in pixels that a rendition may be asked for in, besides named sizes.
pub const RENDITION_WIDTHS_PX: [u32; 7] = [320, 480, 640, 960, 1200, 1600, 2400];
/// The named sizes of renditions unless the server is set otherwise.
pub const RENDITIONS_DEFAULT: [&str; 3] =
    ["thumbnail=320x320!@75", "web=1600x1600@80", "print-proof=3000x3000@90"];
/// The quality of a rendition's JPEG, 1 to 100, where none is set.
pub const RENDITION_QUALITY_DEFAULT: u8 = 80;
/// Characters of the name of a size.
pub const RENDITION_NAME_CHARS_MAX: usize = 40;
/// MiB of memory that all renditions take that are made at once, unless the
/// server is set otherwise.
pub const RENDER_MEMORY_MIB_DEFAULT: u32 = 2_048;
/// Renditions that wait to be made, unless the server is set otherwise.
pub const RENDERS_WAITING_DEFAULT: u32 = 256;
/// Bytes of memory that decoding takes for each pixel of an original at most: a
/// progressive JPEG in CMYK keeps two for each frequency of four inks, and the
/// pixels twice. One that takes more is refused.
pub const RENDER_BYTES_PER_PIXEL: u64 = 16;
/// Bytes of memory that a rendition takes beside its original: 32 MiB.
pub const RENDER_BYTES_SPARE: u64 = 32 * 1024 * 1024;

/// Kinds in the filter of a feed.
pub const FILTER_KINDS_MAX: usize = 50;
/// Watch streams that a server has open at once, unless it is set otherwise.
pub const WATCH_STREAMS_DEFAULT: u32 = 10_000;
/// Days that changes of working copies are kept, unless the server is set
/// otherwise.
pub const CHANGE_RETENTION_DAYS_DEFAULT: u32 = 90;
/// Seconds of quiet after which a watcher gets a checkpoint, unless the server is
/// set otherwise.
pub const WATCH_CHECKPOINT_SECONDS_DEFAULT: u32 = 10;
/// Entries in a row that a filter keeps back before the watcher gets a
/// checkpoint.
pub const CHECKPOINT_ENTRIES: usize = 1_000;
/// How often a feed looks into the database when nobody tells it to: the longest
/// that a lost notification holds up an entry.
pub const FEED_POLL_PERIOD: Duration = Duration::from_secs(1);
/// Time between two notifications of a process to the others, at least.
pub const NOTIFY_PAUSE: Duration = Duration::from_millis(5);
/// Entries that a feed keeps at hand for its watchers.
pub const FEED_RECENT_ENTRIES_MAX: usize = 4_096;
/// Bytes of the entries that a feed keeps at hand: 4 MiB.
pub const FEED_RECENT_BYTES_MAX: usize = 4 * 1024 * 1024;
/// Entries that a feed reads from the database at once.
pub const FEED_ROWS: i64 = 500;
/// Entries that one watcher takes at once, and so holds while its client is slow.
pub const WATCHER_ROWS: i64 = 100;
/// Watchers that read what is no longer at hand from the database at once.
pub const WATCHERS_READING_MAX: usize = 4;
/// Changes that one call of a list looks through.
pub const LIST_CHANGES_ROWS_MAX: usize = 10_000;

/// Bytes of the text of a printed page that is imported, at most: 4 MiB.
pub const PAGE_FILE_BYTES_MAX: u64 = 4 * 1024 * 1024;

/// Time to wait for a database connection before the call fails as
/// unavailable.
pub const CONNECTION_WAIT_MAX: Duration = Duration::from_secs(5);
/// Time of one statement in the database at most.
pub const STATEMENT_TIME_MAX: Duration = Duration::from_secs(30);
/// Runs of one transaction that loses against others, at most.
pub const TRANSACTION_RUNS_MAX: u32 = 5;
/// How long answers are kept for callers who repeat a `request_id`.
pub const REQUEST_RETENTION: Duration = Duration::from_secs(24 * 3600);
/// How often answers past their retention are removed.
pub const REQUEST_SWEEP_PERIOD: Duration = Duration::from_secs(600);
/// How far ahead a publication can be scheduled.
pub const SCHEDULE_AHEAD_MAX: Duration = Duration::from_secs(366 * 24 * 3600);
/// How often a server looks for publications that are due, at least.
pub const SCHEDULE_POLL_PERIOD: Duration = Duration::from_millis(500);
/// Publications of a kind that are due and carried out between two looks, at
/// most.
pub const SCHEDULE_ROWS_MAX: i64 = 256;
/// How long a publication that is due is tried again after faults that may pass,
/// in minutes as chrono counts them.
pub const SCHEDULE_RETRY_TIME_MAX: chrono::TimeDelta = chrono::TimeDelta::minutes(10);
/// Bytes of a published issue that is sent as one message, at most: 3 MiB, so
/// that a client with gRPC's usual limit of 4 MiB can receive it.
pub const WHOLE_ISSUE_BYTES_MAX: usize = 3 * 1024 * 1024;
/// Bytes of a page in the sealed form of an issue, at most: 3 MiB, so that a
/// client with gRPC's usual limit of 4 MiB can receive it.
pub const PAGE_BYTES_MAX: usize = 3 * 1024 * 1024;
/// How often changes past their retention are removed.
pub const CHANGE_SWEEP_PERIOD: Duration = Duration::from_secs(600);
/// Changes that are removed by one statement.
pub const CHANGE_SWEEP_ROWS: i64 = 1_000;
/// Entries of the ledger that are verified between two messages of progress.
pub const VERIFY_ENTRIES_AT_A_TIME: i64 = 100;
/// How often the database is probed for the health service.
pub const HEALTH_PROBE_PERIOD: Duration = Duration::from_secs(2);
/// Time that calls in flight have to end after a stop signal.
pub const DRAIN_TIME_MAX: Duration = Duration::from_secs(20);

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

    /// Connections to the database at most
    #[arg(long, env = "MASTHEAD_DATABASE_CONNECTIONS_MAX", value_name = "COUNT", default_value_t = 16,
          value_parser = clap::value_parser!(u32).range(2..=1000))]
    pub database_connections_max: u32,

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
    /// Address and port to listen on; port 0 takes a free one
    #[arg(long, env = "MASTHEAD_LISTEN", value_name = "ADDRESS:PORT", default_value = "127.0.0.1:50051")]
    pub listen: SocketAddr,

    /// Address and port on which to serve metrics for Prometheus, as plain HTTP
    /// under /metrics [default: no metrics]
    #[arg(long, env = "MASTHEAD_METRICS_LISTEN", value_name = "ADDRESS:PORT")]
    pub metrics_listen: Option<SocketAddr>,
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
    /// What uploads of photos may do.
    #[command(flatten)]
    pub uploads: UploadSettings,
    /// Which renditions of photos are made.
    #[command(flatten)]
    pub renditions: RenditionSettings,
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
