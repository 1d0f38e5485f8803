//! How soon a server serves a database that has its schema, and what memory it has
//! when nobody asks for anything.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use tonic::transport::Endpoint;
use tonic_health::pb::{
    HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient,
};

use crate::{
    Effort, Outcome,
    paper::Paper,
    report::{Rounds, Table},
    server::Server,
};

/// How long a server is left alone before its memory is looked at.
const REST: Duration = Duration::from_secs(2);

/// No start takes longer, unless something is broken.
const START_TIME_MAX: Duration = Duration::from_secs(60);

/// Between two questions whether it serves.
const LOOK_PERIOD: Duration = Duration::from_millis(2);

pub async fn measure(paper: &Paper, effort: &Effort, folder: &Path) -> Outcome<Table> {
    let (mut own, mut other) = (Figures::default(), Figures::default());
    for _ in 0..effort.rounds {
        own.add(true, || paper.serve()).await?;
        other.add(false, || Server::bare(folder, [])).await?;
    }
    let title = format!(
        "From the start of the process to SERVING on a migrated database (of bare tonic: to its port), and \
         resident memory {} s later; medians of {} rounds",
        REST.as_secs(),
        effort.rounds
    );
    let mut table = Table::new(title, ["", "service", "bare tonic"]);
    let cells = |what: &str, of: fn(&Figures) -> String| [what.to_owned(), of(&own), of(&other)];
    table.row(cells("start, ms", |figures| format!("{:.0}", figures.start.median())));
    table.row(cells("memory, MB", |figures| format!("{:.0}", figures.memory.median())));
    Ok(table)
}

#[derive(Default)]
struct Figures {
    start: Rounds,
    memory: Rounds,
}

impl Figures {
    async fn add(&mut self, has_health: bool, start: impl FnOnce() -> Outcome<Server>) -> Outcome<()> {
        let begun = Instant::now();
        let server = start()?;
        if has_health {
            until_serving(&server).await?;
        }
        self.start.push(begun.elapsed().as_secs_f64() * 1e3);
        tokio::time::sleep(REST).await;
        self.memory.push(server.memory("VmRSS:")? / 1e6);
        Ok(())
    }
}

/// Waits until a server says that it serves.
async fn until_serving(server: &Server) -> Outcome<()> {
    let channel = Endpoint::from_shared(format!("http://{}", server.address))?.connect().await?;
    let mut health = HealthClient::new(channel);
    let end = Instant::now() + START_TIME_MAX;
    while health.check(HealthCheckRequest::default()).await?.into_inner().status() != ServingStatus::Serving {
        if Instant::now() > end {
            return Err("the server does not come to serve".into());
        }
        tokio::time::sleep(LOOK_PERIOD).await;
    }
    Ok(())
}
