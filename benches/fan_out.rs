//! How long one publication takes to reach every watcher, and what an open watch
//! stream costs in memory; beside it, in the same run, a bare tonic server that
//! sends the same bytes.
//!
//! ```sh
//! cargo bench --bench fan_out -- --help
//! ```

use std::{
    error::Error,
    fs,
    io::{BufRead, BufReader, Write},
    os::unix::fs::PermissionsExt,
    path::Path,
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use bytes::Bytes;
use clap::Parser;
use futures::{StreamExt, future::BoxFuture, stream};
use http::{Request, Response};
use masthead::{
    admin::Role,
    db::Db,
    embedded::{self, Embedded},
    import::desk::Desk,
    installation::create_token,
    pb,
    wire::codec::{Codec, Sealed},
};
use pb::watch_publications_response::Event;
use prost::Message;
use sqlx::{Connection, PgConnection};
use tokio::{
    net::TcpListener,
    sync::{mpsc, watch},
};
use tonic::{body::Body, server::Grpc, transport::server::TcpIncoming};

type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

/// Opens watch streams on a server of its own, publishes, and prints how long
/// that took to arrive.
///
/// The server is a process of its own, on a durable Postgres of its own; so is
/// the yardstick, a bare tonic server that sends the same bytes to as many
/// streams. All clients are in this process. Times of the service count from
/// Postgres' own time of the commit, before it reaches the disk; those of the
/// yardstick from the moment before it hands the bytes to its streams.
#[derive(Parser)]
#[command(name = "fan_out", max_term_width = 100)]
struct Arguments {
    /// Open watch streams
    #[arg(long, default_value_t = 2_000)]
    streams: usize,
    /// HTTP/2 connections that the streams share
    #[arg(long, default_value_t = 40)]
    connections: usize,
    /// Publications, one after the other
    #[arg(long, default_value_t = 9)]
    rounds: usize,
    /// Be the yardstick's server
    #[arg(long, hide = true)]
    yardstick: bool,
    /// Given by `cargo bench`
    #[arg(long, hide = true)]
    bench: bool,
}

#[tokio::main]
async fn main() -> Outcome<()> {
    let arguments = Arguments::parse();
    if arguments.yardstick {
        return yardstick::serve().await;
    }
    let folder = tempfile::tempdir()?;
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o711))?;
    let postgres = start_postgres(folder.path()).await?;
    let measured = measure(&arguments, &postgres, folder.path()).await;
    postgres.stop().await?;
    measured
}

/// A durable Postgres that notes when transactions commit.
async fn start_postgres(folder: &Path) -> Outcome<Embedded> {
    let settings = embedded::Settings::durable(folder);
    let postgres = embedded::start(&settings).await?;
    let mut connection = PgConnection::connect_with(&postgres.options()).await?;
    sqlx::raw_sql("alter system set track_commit_timestamp = on").execute(&mut connection).await?;
    connection.close().await?;
    postgres.stop().await?;
    Ok(embedded::start(&settings).await?)
}

async fn measure(arguments: &Arguments, postgres: &Embedded, folder: &Path) -> Outcome<()> {
    let Arguments { streams, connections, rounds, .. } = *arguments;
    let mut service = Server::of_the_service(postgres, folder)?;
    let mut yardstick = Server::of_the_yardstick()?;
    let mut press = Press::set_up(postgres, &service.address).await?;
    println!("{streams} streams over {connections} connections");
    let mut of_service = Audience::gather(&service, &press.reader, streams, connections).await?;
    let mut of_yardstick = Audience::gather(&yardstick, &press.reader, streams, connections).await?;
    println!("memory a stream: service {}, yardstick {}", of_service.memory(), of_yardstick.memory());
    println!("ms to the first, median and last of {streams} receivers:");
    let (mut all, mut all_bare) = (Vec::new(), Vec::new());
    for round in 1..=rounds {
        let article = press.prepare(round).await?;
        let published = press.publish(&article).await?;
        let (message, times) = of_service.receive().await?;
        let times = Times::since(press.commit_time(published).await?, times);
        let sent = yardstick.send(&message)?;
        let bare = Times::since(sent, of_yardstick.receive().await?.1);
        println!("  round {round}: service {times}, yardstick {bare}");
        all.push(times);
        all_bare.push(bare);
    }
    let (usual, usual_bare) = (Times::median(all), Times::median(all_bare));
    println!("median of the rounds: service {usual}, yardstick {usual_bare}");
    println!("the last receiver, service to yardstick: {:.2}", usual.last / usual_bare.last);
    service.end();
    yardstick.end();
    Ok(())
}

/// Milliseconds to three of the receivers.
#[derive(Clone, Copy)]
struct Times {
    first: f64,
    median: f64,
    last: f64,
}

impl Times {
    fn since(start: f64, mut times: Vec<f64>) -> Times {
        times.sort_by(f64::total_cmp);
        let at = |index: usize| (times[index] - start) * 1000.0;
        Times { first: at(0), median: at(times.len() / 2), last: at(times.len() - 1) }
    }

    fn median(all: Vec<Times>) -> Times {
        let of = |part: fn(&Times) -> f64| {
            let mut parts: Vec<f64> = all.iter().map(part).collect();
            parts.sort_by(f64::total_cmp);
            parts[parts.len() / 2]
        };
        Times {
            first: of(|times| times.first),
            median: of(|times| times.median),
            last: of(|times| times.last),
        }
    }
}

impl std::fmt::Display for Times {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{:.1} / {:.1} / {:.1}", self.first, self.median, self.last)
    }
}

/// Seconds since the epoch.
fn now() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64()
}

/// A server in a process of its own.
struct Server {
    process: Child,
    input: Option<ChildStdin>,
    output: Option<BufReader<ChildStdout>>,
    address: String,
}

impl Server {
    fn of_the_service(postgres: &Embedded, folder: &Path) -> Outcome<Server> {
        let mut process = Command::new(env!("CARGO_BIN_EXE_masthead"))
            .args(["serve", "--listen", "127.0.0.1:0", "--data-dir"])
            .arg(folder.join("service"))
            .env("MASTHEAD_DATABASE_URL", postgres.url())
            .env("RUST_LOG", "masthead=info")
            .env("NO_COLOR", "1")
            .stderr(Stdio::piped())
            .spawn()?;
        let said = BufReader::new(process.stderr.take().ok_or("no log")?);
        let mut lines = said.lines();
        let address = lines.by_ref().map_while(Result::ok).find_map(|line| {
            let (_, address) = line.split_once("serving address=")?;
            Some(address.trim().to_owned())
        });
        // Nobody reads on, but the pipe must not break.
        std::thread::spawn(move || lines.for_each(drop));
        Ok(Server {
            process,
            input: None,
            output: None,
            address: address.ok_or("the server does not start")?,
        })
    }

    fn of_the_yardstick() -> Outcome<Server> {
        let mut process = Command::new(std::env::current_exe()?)
            .arg("--yardstick")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let input = process.stdin.take();
        let mut output = BufReader::new(process.stdout.take().ok_or("no output")?);
        let mut address = String::new();
        output.read_line(&mut address)?;
        Ok(Server { process, input, output: Some(output), address: address.trim().to_owned() })
    }

    /// Has the yardstick send a message to all streams; when it began to.
    fn send(&mut self, message: &[u8]) -> Outcome<f64> {
        let input = self.input.as_mut().ok_or("no input")?;
        writeln!(input, "{}", data_encoding::HEXLOWER.encode(message))?;
        input.flush()?;
        let mut time = String::new();
        self.output.as_mut().ok_or("no output")?.read_line(&mut time)?;
        Ok(time.trim().parse()?)
    }

    /// Bytes of memory that it has resident.
    fn resident_bytes(&self) -> Outcome<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.process.id()))?;
        let line = status.lines().find(|line| line.starts_with("VmRSS:")).ok_or("no VmRSS")?;
        let kibibytes: u64 = line.split_whitespace().nth(1).ok_or("no number")?.parse()?;
        Ok(kibibytes * 1024)
    }

    fn end(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.end();
    }
}

/// All receivers of one server.
struct Audience {
    arrivals: mpsc::UnboundedReceiver<(Bytes, f64)>,
    size: usize,
    bytes_a_stream: f64,
}

impl Audience {
    async fn gather(server: &Server, token: &str, streams: usize, connections: usize) -> Outcome<Audience> {
        let (arrived, arrivals) = mpsc::unbounded_channel();
        let mut desks = Vec::new();
        for _ in 0..connections {
            desks.push(Desk::connect(&format!("http://{}", server.address), token).await?);
        }
        let before = server.resident_bytes()?;
        for number in 0..streams {
            let mut desk = desks[number % connections].clone();
            let request = pb::WatchPublicationsRequest { from_now: true, ..Default::default() };
            let mut stream = desk.publications.watch_publications(request).await?.into_inner();
            stream.message().await?.ok_or("no checkpoint")?;
            let arrived = arrived.clone();
            tokio::spawn(async move {
                while let Ok(Some(message)) = stream.message().await {
                    if matches!(message.event, Some(Event::Publication(_))) {
                        let _ = arrived.send((message.encode_to_vec().into(), now()));
                    }
                }
            });
        }
        let bytes_a_stream = server.resident_bytes()?.saturating_sub(before) as f64 / streams as f64;
        Ok(Audience { arrivals, size: streams, bytes_a_stream })
    }

    fn memory(&self) -> String {
        format!("{:.1} KiB", self.bytes_a_stream / 1024.0)
    }

    /// The next message, and when each of the receivers had it.
    async fn receive(&mut self) -> Outcome<(Bytes, Vec<f64>)> {
        let mut all = Vec::new();
        let mut message = Bytes::new();
        while all.len() < self.size {
            let next = tokio::time::timeout(Duration::from_secs(60), self.arrivals.recv()).await;
            let (bytes, time) = next?.ok_or("the receivers are gone")?;
            message = bytes;
            all.push(time);
        }
        Ok((message, all))
    }
}

/// Those who publish.
struct Press {
    reporter: Desk,
    publisher: Desk,
    reader: String,
    database: PgConnection,
}

impl Press {
    async fn set_up(postgres: &Embedded, address: &str) -> Outcome<Press> {
        let db = Db::open(postgres.options(), 2);
        let mut tokens = Vec::new();
        for role in [Role::Reporter, Role::Publisher, Role::Reader] {
            tokens.push(create_token(&db, role.as_str(), role).await?.reveal().to_owned());
        }
        db.close().await;
        let address = format!("http://{address}");
        let mut publisher = Desk::connect(&address, &tokens[1]).await?;
        let newspaper = pb::Newspaper { title: "晨讯报".into(), review_stages: 1, ..Default::default() };
        let create = pb::CreateNewspaperRequest {
            newspaper: Some(newspaper),
            newspaper_id: "morning-post".into(),
            ..Default::default()
        };
        publisher.newspapers.create_newspaper(create).await?;
        let reporter = Desk::connect(&address, &tokens[0]).await?;
        let database = PgConnection::connect_with(&postgres.options()).await?;
        Ok(Press { reporter, publisher, reader: tokens.swap_remove(2), database })
    }

    /// An article that is ready to be published; its name.
    async fn prepare(&mut self, round: usize) -> Outcome<String> {
        let paragraph =
            pb::Paragraph { text: "昨天，本市举行了一次演练。".into(), spans: Vec::new() };
        let article = pb::Article {
            newspaper: "newspapers/morning-post".into(),
            headline: format!("第{round}次演练"),
            body: vec![pb::Block { kind: Some(pb::block::Kind::Paragraph(paragraph)) }],
            ..Default::default()
        };
        let create = pb::CreateArticleRequest { article: Some(article), ..Default::default() };
        let article = self.reporter.articles.create_article(create).await?.into_inner();
        let review = pb::ReviewArticleRequest {
            name: article.name.clone(),
            etag: article.etag,
            stage: 1,
            ..Default::default()
        };
        self.publisher.articles.review_article(review).await?;
        Ok(article.name)
    }

    /// Publishes an article; the number of the publication.
    async fn publish(&mut self, article: &str) -> Outcome<i64> {
        let publish = pb::PublishArticleRequest { name: article.into(), ..Default::default() };
        let article = self.publisher.articles.publish_article(publish).await?.into_inner();
        Ok(article.latest_publication.trim_start_matches("publications/").parse()?)
    }

    /// When a publication was committed, in seconds since the epoch.
    async fn commit_time(&mut self, publication: i64) -> Outcome<f64> {
        let time = "select extract(epoch from pg_xact_commit_timestamp(xmin))::float8
                    from publications where sequence = $1";
        Ok(sqlx::query_scalar(time).bind(publication).fetch_one(&mut self.database).await?)
    }
}

/// The server to compare with: one service of one method, which sends to every
/// stream what it reads as a line of hex.
mod yardstick {
    use std::{
        convert::Infallible,
        task::{Context, Poll},
    };

    use futures::stream::BoxStream;
    use tonic::{Status, server::NamedService, server::ServerStreamingService};

    use super::*;

    #[derive(Clone)]
    struct Bare(watch::Receiver<Bytes>);

    impl NamedService for Bare {
        const NAME: &'static str = "masthead.v1.PublicationService";
    }

    impl tower::Service<Request<Body>> for Bare {
        type Response = Response<Body>;
        type Error = Infallible;
        type Future = BoxFuture<'static, Result<Response<Body>, Infallible>>;

        fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
            Poll::Ready(Ok(()))
        }

        fn call(&mut self, request: Request<Body>) -> Self::Future {
            let bare = self.clone();
            let codec = Codec::<Sealed, pb::WatchPublicationsRequest>::default();
            Box::pin(async move { Ok(Grpc::new(codec).server_streaming(bare, request).await) })
        }
    }

    impl ServerStreamingService<pb::WatchPublicationsRequest> for Bare {
        type Response = Sealed;
        type ResponseStream = BoxStream<'static, Result<Sealed, Status>>;
        type Future = BoxFuture<'static, Result<tonic::Response<Self::ResponseStream>, Status>>;

        fn call(&mut self, _: tonic::Request<pb::WatchPublicationsRequest>) -> Self::Future {
            let mut messages = self.0.clone();
            // The first message, as the service's streams begin with one too.
            messages.mark_changed();
            let messages = stream::unfold(messages, |mut messages| async {
                messages.changed().await.ok()?;
                let message = messages.borrow_and_update().clone();
                Some((Ok(Sealed(message)), messages))
            });
            Box::pin(async { Ok(tonic::Response::new(messages.boxed())) })
        }
    }

    pub async fn serve() -> Outcome<()> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        println!("{}", listener.local_addr()?);
        let (messages, bare) = watch::channel(Bytes::new());
        let incoming = TcpIncoming::from(listener).with_nodelay(Some(true));
        let server = tonic::transport::Server::builder().add_service(Bare(bare));
        tokio::spawn(server.serve_with_incoming(incoming));
        tokio::task::spawn_blocking(move || {
            for line in std::io::stdin().lines() {
                let message = data_encoding::HEXLOWER.decode(line?.as_bytes())?;
                println!("{}", now());
                messages.send_replace(message.into());
            }
            Ok(())
        })
        .await?
    }
}
