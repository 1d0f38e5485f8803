//! One publication to many open streams, beside bare tonic that sends the same bytes
//! to as many.

use std::{path::Path, time::Duration};

use bytes::Bytes;
use masthead::{admin::Role, import::desk::Desk, pb};
use pb::watch_publications_response::Event;
use prost::Message;
use sqlx::PgConnection;
use tokio::{sync::mpsc, task::JoinSet};

use crate::{
    Effort, Outcome, now,
    paper::Paper,
    report::{Rounds, Table},
    server::Server,
};

/// Streams on one connection, below what a server allows.
const STREAMS_PER_CONNECTION: usize = 50;

/// How long a message may take to arrive.
const ARRIVAL_TIME_MAX: Duration = Duration::from_secs(60);

/// Characters of an article that is published.
const ARTICLE_CHARS: usize = 20;

pub async fn measure(paper: &Paper, effort: &Effort, folder: &Path) -> Outcome<Table> {
    let service = paper.serve()?;
    let mut bare = Server::bare(folder, [])?;
    let mut press = paper.press(&service).await?;
    let mut connection = paper.connect().await?;
    let token = paper.token(Role::Reader).await?;
    let title = format!(
        "One publication to all open WatchPublications streams, {STREAMS_PER_CONNECTION} a connection; the \
         service's time runs from the commit, that of bare tonic from the moment before it sends; medians \
         of {} rounds",
        effort.rounds
    );
    let heads = [
        "streams",
        "first, median, 99 of 100, last ms",
        "bare",
        "last to last (of each round)",
        "KiB a stream",
        "bare",
    ];
    let mut table = Table::new(title, heads);
    for &streams in &effort.streams {
        let mut of_service = Audience::gather(&service, &token, streams).await?;
        let mut of_bare = Audience::gather(&bare, &token, streams).await?;
        let (mut own, mut other) = (Arrivals::default(), Arrivals::default());
        // The first round warms up.
        for round in 0..=effort.rounds {
            let article = press.article(format!("第{round}次演练"), ARTICLE_CHARS).await?;
            let published = press.publish(&article).await?;
            let (message, times) = of_service.receive().await?;
            let sent = bare.announce(&message)?;
            let (_, bare_times) = of_bare.receive().await?;
            if round > 0 {
                own.add(commit_time(&mut connection, published).await?, times);
                other.add(sent, bare_times);
            }
        }
        table.row([
            streams.to_string(),
            own.to_string(),
            other.to_string(),
            own.last.to(&other.last).to_string(),
            format!("{:.1}", of_service.bytes_a_stream / 1024.0),
            format!("{:.1}", of_bare.bytes_a_stream / 1024.0),
        ]);
    }
    Ok(table)
}

/// When a publication was committed, in seconds since the epoch.
async fn commit_time(connection: &mut PgConnection, publication: i64) -> Outcome<f64> {
    let time = "select extract(epoch from pg_xact_commit_timestamp(xmin))::float8
                from publications where sequence = $1";
    Ok(sqlx::query_scalar(time).bind(publication).fetch_one(connection).await?)
}

/// Milliseconds to some of the receivers.
#[derive(Default)]
struct Arrivals {
    first: Rounds,
    median: Rounds,
    most: Rounds,
    last: Rounds,
}

impl Arrivals {
    fn add(&mut self, start: f64, mut times: Vec<f64>) {
        times.sort_by(f64::total_cmp);
        let at = |index: usize| (times[index] - start) * 1e3;
        self.first.push(at(0));
        self.median.push(at(times.len() / 2));
        self.most.push(at(times.len() * 99 / 100));
        self.last.push(at(times.len() - 1));
    }
}

impl std::fmt::Display for Arrivals {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let [first, median, most, last] =
            [&self.first, &self.median, &self.most, &self.last].map(Rounds::median);
        write!(formatter, "{first:.1}, {median:.1}, {most:.1}, {last:.1}")
    }
}

/// All receivers of one server; they leave when this is dropped.
struct Audience {
    _receivers: JoinSet<()>,
    arrivals: mpsc::UnboundedReceiver<(Bytes, f64)>,
    size: usize,
    bytes_a_stream: f64,
}

impl Audience {
    async fn gather(server: &Server, token: &str, streams: usize) -> Outcome<Audience> {
        let (arrived, arrivals) = mpsc::unbounded_channel();
        let mut desks = Vec::new();
        for _ in 0..streams.div_ceil(STREAMS_PER_CONNECTION) {
            desks.push(Desk::connect(&format!("http://{}", server.address), token).await?);
        }
        let mut receivers = JoinSet::new();
        let before = server.memory("VmRSS:")?;
        for number in 0..streams {
            let mut desk = desks[number / STREAMS_PER_CONNECTION].clone();
            let request = pb::WatchPublicationsRequest { from_now: true, ..Default::default() };
            let mut stream = desk.publications.watch_publications(request).await?.into_inner();
            stream.message().await?.ok_or("no checkpoint")?;
            let arrived = arrived.clone();
            receivers.spawn(async move {
                while let Ok(Some(message)) = stream.message().await {
                    if matches!(message.event, Some(Event::Publication(_))) {
                        let _ = arrived.send((message.encode_to_vec().into(), now()));
                    }
                }
            });
        }
        let bytes_a_stream = (server.memory("VmRSS:")? - before) / streams as f64;
        Ok(Audience { _receivers: receivers, arrivals, size: streams, bytes_a_stream })
    }

    /// The next message, and when each of the receivers had it.
    async fn receive(&mut self) -> Outcome<(Bytes, Vec<f64>)> {
        let mut all = Vec::with_capacity(self.size);
        let mut message = Bytes::new();
        while all.len() < self.size {
            let next = tokio::time::timeout(ARRIVAL_TIME_MAX, self.arrivals.recv()).await;
            let (bytes, time) =
                next.map_err(|_| "a message did not arrive")?.ok_or("the receivers are gone")?;
            message = bytes;
            all.push(time);
        }
        Ok((message, all))
    }
}
