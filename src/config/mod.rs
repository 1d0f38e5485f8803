//! The limits of every input, with their units in their names, and the settings
//! from flags and environment. The README lists the limits.

mod access;
mod connections;
pub mod database;
mod identity;
mod in_force;
pub mod requests;
mod schema;
mod settings;
pub mod telemetry;

use std::time::Duration;

pub use access::AccessSettings;
pub use connections::{
    ACCEPT_PAUSE, CLOSING_QUIET_TIME_MAX, ConnectionSettings, DATABASE_CLOSE_TIME_MAX, FRAMES_AHEAD_TIME_MAX,
    HEADER_BYTES_PER_SECOND, IDLE_FRAMES_PER_SECOND, LAST_ANSWERS_TIME, PROCESS_END_TIME_MAX,
    REFUSAL_LOG_PERIOD, RESETS_FOR_FAULTS_MAX, SEND_BUFFER_BYTES_MAX, SEND_UNSENT_BYTES_MAX,
    SMALL_FRAME_BYTES_MAX, SMALL_FRAMES_PER_SECOND, SMALL_HEADER_BYTES_MAX, StopSettings, TLS_FILE_BYTES_MAX,
    TLS_RELOAD_PERIOD, TlsSettings,
};
pub use database::DatabaseSettings;
pub use identity::{ClaimRole, IdentitySettings, OIDC_CA_BYTES_MAX, OIDC_NEWSPAPERS_MAX};
pub use in_force::{Setting, in_force};
pub use requests::RequestSettings;
pub use schema::SchemaSettings;
pub use settings::{
    DataSettings, FeedSettings, ListenSettings, ReadingSettings, RenditionSettings, ServiceSettings,
    UploadSettings,
};
pub use telemetry::{LogFormat, TelemetrySettings};

/// How often a server asks whether readers are served something else.
pub const PUBLISHED_POLL_PERIOD: Duration = Duration::from_millis(250);
/// Time for which what is kept for readers is served since the server last began to ask.
/// With the answer that is on its way, a withdrawal holds everywhere within a second.
pub const PUBLISHED_TRUST_TIME_MAX: Duration = Duration::from_millis(900);
/// Time that a reader waits for another one who fetches the same.
pub const PUBLISHED_FLIGHT_TIME_MAX: Duration = Duration::from_secs(1);
/// MiB of what readers are served that a server keeps in memory, unless it is set
/// otherwise.
pub const PUBLISHED_CACHE_MIB_DEFAULT: u32 = 64;
/// MiB of working copies of articles that a server keeps in memory, unless it is set
/// otherwise: some 100,000 of them.
pub const WORKING_CACHE_MIB_DEFAULT: u32 = 256;

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

/// Newspapers that a credential is for, where it is not for all.
pub const CREDENTIAL_NEWSPAPERS_MAX: usize = 20;
/// Characters of the note on a credential.
pub const CREDENTIAL_NOTE_CHARS_MAX: usize = 200;
/// Credentials that a server remembers, so that a call with one of them asks the
/// database nothing.
pub const CREDENTIALS_KNOWN_MAX: usize = 10_000;
/// How often a server asks whether credentials have changed.
pub const CREDENTIAL_POLL_PERIOD: Duration = Duration::from_millis(250);
/// How long a server trusts what it remembers of credentials since it last began to
/// ask: a revocation holds within this time, even if the database is away.
pub const CREDENTIAL_TRUST_TIME_MAX: Duration = Duration::from_millis(900);
/// Unknown credentials that are looked up at once: fewer than the house has connections,
/// so that guessing cannot take them all.
pub const CREDENTIAL_LOOKUPS_MAX: usize = 2;
const _: () = assert!(CREDENTIAL_LOOKUPS_MAX < database::HOUSE_CONNECTIONS as usize);
/// Unknown credentials that wait to be looked up, at most. Those that were in force a
/// moment ago do not count.
pub const CREDENTIAL_LOOKUPS_WAITING_MAX: usize = 1_000;
/// Time that a call waits until its credential is looked up.
pub const CREDENTIAL_LOOKUP_WAIT_MAX: Duration = Duration::from_secs(2);
/// Tokens that a server remembers as none.
pub const CREDENTIALS_VAIN_MAX: usize = 10_000;
/// How long a server remembers that a token is none.
pub const CREDENTIAL_VAIN_TIME_MAX: Duration = Duration::from_secs(1);
/// How often it is written down when credentials were last used.
pub const CREDENTIAL_USE_PERIOD: Duration = Duration::from_secs(60);

/// Calls from one address in a second, in the long run, that prove no credential, unless
/// it is set otherwise.
pub const STRANGERS_PER_SECOND_DEFAULT: u32 = 100;
/// Calls from one address at once that prove no credential, unless it is set otherwise.
pub const STRANGERS_BURST_DEFAULT: u32 = 2_000;
/// Streams that are open without a credential at once, unless it is set otherwise.
pub const STRANGER_STREAMS_DEFAULT: u32 = 1_000;
/// The part of them that one address may have open.
pub const STRANGER_STREAMS_ADDRESS_PART: u32 = 2;
/// Addresses whose calls are counted at once; beyond it those that have been quiet are
/// forgotten, and if none has, all.
pub const ADDRESSES_COUNTED_MAX: usize = 100_000;

/// Calls of one person in a second, in the long run, unless it is set otherwise.
pub const REQUESTS_PER_SECOND_DEFAULT: u32 = 500;
/// Calls of one person at once after a quiet while, unless it is set otherwise.
pub const REQUESTS_BURST_DEFAULT: u32 = 2_000;
/// Watch streams of one person, unless it is set otherwise.
pub const WATCHES_PER_PERSON_DEFAULT: u32 = 1_000;
/// Uploads of one person at once, unless it is set otherwise.
pub const UPLOADS_PER_PERSON_DEFAULT: u32 = 20;
/// People whose calls are counted at once; beyond it those who have been quiet are
/// forgotten.
pub const PEOPLE_COUNTED_MAX: usize = 100_000;
/// Calls after which it is looked how many are counted.
pub const PEOPLE_LOOK_CALLS: u64 = 1_000;

/// Days that the audit is kept, unless it is set otherwise: three years.
pub const AUDIT_RETENTION_DAYS_DEFAULT: u32 = 1_096;
/// Days that the audit is kept at least: six months. The database keeps to it too.
pub const AUDIT_RETENTION_DAYS_MIN: u32 = 184;
/// How often rows of the audit past their retention are removed.
pub const AUDIT_SWEEP_PERIOD: Duration = Duration::from_secs(3600);
/// Rows of the audit that are removed by one statement.
pub const AUDIT_SWEEP_ROWS: i64 = 1_000;
/// Refusals that wait to be written into the audit at most.
pub const AUDIT_QUEUE_MAX: usize = 50_000;
/// Refusals that are written into the audit by one statement.
pub const AUDIT_ROWS_AT_A_TIME: usize = 1_000;
/// Refusals in a second, of callers without a valid credential, that the audit keeps.
pub const AUDIT_STRANGERS_PER_SECOND: u32 = 100;
/// Refusals in a second, of one person who has asked too often or for too much, that the
/// audit keeps.
pub const AUDIT_EXHAUSTED_PER_PERSON_PER_SECOND: u32 = 10;
/// Time between two writes of refusals.
pub const AUDIT_WRITE_PAUSE: Duration = Duration::from_millis(50);
/// Time until it is tried again to write refusals.
pub const AUDIT_RETRY_PAUSE: Duration = Duration::from_secs(1);
/// Time that a server which stops gives the last refusals to be written.
pub const AUDIT_FLUSH_TIME_MAX: Duration = Duration::from_secs(5);
/// Characters of the name of a resource that the audit is asked for.
pub const RESOURCE_CHARS_MAX: usize = 300;

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
pub const HEALTH_PROBE_PERIOD: Duration = Duration::from_secs(1);
/// How long a server waits between two looks whether the schema has been brought up.
pub const SCHEMA_WAIT_PAUSE: Duration = Duration::from_secs(1);

/// Bytes of a backup's manifest at most: a million photos take 100 MB.
pub const MANIFEST_BYTES_MAX: u64 = 256 * 1024 * 1024;
/// Photos of a backup that are copied or read at once.
pub const BACKUP_FILES_AT_A_TIME: usize = 4;
/// How often a backup takes the database anew because photos were purged meanwhile.
pub const BACKUP_ROUNDS_MAX: usize = 5;
/// Photos of a backup between two lines of progress.
pub const BACKUP_FILES_PROGRESS: usize = 100;
/// Bytes of a backup's file that are read at a time.
pub const BACKUP_PIECE_BYTES: usize = 256 * 1024;
/// Names of photos that a message lists at most.
pub const BACKUP_NAMES_MAX: usize = 20;
