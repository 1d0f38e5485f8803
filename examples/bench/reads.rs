//! Gets of what is published and of working copies, beside bare tonic that sends the
//! same bytes.

use std::{path::Path, sync::Arc, time::Duration};

use bytes::Bytes;
use masthead::{admin::Role, pb};
use prost::Message;

use crate::{
    Effort, Outcome,
    http2::{self, Answer, Load, Measured, Question},
    paper::{ISSUE, Paper},
    report::{Rounds, Table},
    server::Server,
};

/// Connections, and calls in flight on each.
const LINES: [(usize, usize); 3] = [(1, 8), (4, 8), (16, 8)];

const ARTICLE_PATH: &str = "/masthead.v1.PublicationService/GetPublishedArticle";
const ISSUE_PATH: &str = "/masthead.v1.PublicationService/GetPublishedIssue";
const WORKING_PATH: &str = "/masthead.v1.ArticleService/GetArticle";

/// A method with what it is asked.
struct Case {
    what: String,
    path: &'static str,
    names: Vec<String>,
    questions: Arc<Vec<Question>>,
}

impl Case {
    /// Asks the service once for everything: it must answer the same from then on.
    fn ask(
        what: &str,
        path: &'static str,
        server: &Server,
        token: &str,
        names: Vec<String>,
    ) -> Outcome<Case> {
        // The name is the first field of all of these requests.
        let message = |name: &String| pb::GetArticleRequest { name: name.clone() }.encode_to_vec();
        let messages: Vec<Bytes> = names.iter().map(|name| message(name).into()).collect();
        let answers = http2::collect(&server.address, path, token, &messages)?;
        let size = answers.iter().map(Bytes::len).sum::<usize>() / answers.len();
        let what = format!("{what}, {:.1} kB", size as f64 / 1e3);
        let questions = messages
            .into_iter()
            .zip(answers)
            .map(|(message, answer)| Question { message, answer: Answer::Is(answer) })
            .collect();
        Ok(Case { what, path, names, questions: Arc::new(questions) })
    }

    fn known(&self) -> impl Iterator<Item = (String, Bytes)> {
        let answers = self.questions.iter().map(|question| match &question.answer {
            Answer::Is(bytes) | Answer::Begins(bytes) => bytes.clone(),
        });
        self.names.iter().cloned().zip(answers)
    }
}

pub async fn measure(paper: &Paper, effort: &Effort, folder: &Path) -> Outcome<Table> {
    let service = paper.serve()?;
    let mut press = paper.press(&service).await?;
    let article = press.printed_article().await?;
    press.print_issue().await?;
    let token = paper.token(Role::Reader).await?;
    let editor = paper.token(Role::Editor).await?;
    let mut random = paper.random(1);
    let working: Vec<String> =
        (0..paper.articles).map(|_| paper.article_name(random.next() % paper.articles)).collect();
    let cases = [
        (Case::ask("GetPublishedArticle", ARTICLE_PATH, &service, &token, vec![article])?, &token),
        (Case::ask("GetPublishedIssue", ISSUE_PATH, &service, &token, vec![ISSUE.to_owned()])?, &token),
        (Case::ask("GetArticle", WORKING_PATH, &service, &editor, working)?, &editor),
    ];
    let bare = Server::bare(folder, cases.iter().flat_map(|(case, _)| case.known()))?;

    let title = format!(
        "Gets, beside bare tonic that sends the same bytes from memory; {} working copies, each asked \
         for by the dice; medians of {} rounds",
        paper.articles, effort.rounds
    );
    let heads = [
        "method and size",
        "connections x in flight",
        "calls/s",
        "bare",
        "ratio (of each round)",
        "p50, p99 ms",
        "bare",
        "processor us a call",
        "bare",
    ];
    let mut table = Table::new(title, heads);
    for (case, token) in &cases {
        for (connections, in_flight) in LINES {
            let load = |server: &Server, time: Duration| Load {
                address: server.address.clone(),
                path: case.path,
                token: (*token).clone(),
                questions: case.questions.clone(),
                connections,
                in_flight,
                time,
            };
            let mut sides = [Side::default(), Side::default()];
            for server in [&service, &bare] {
                load(server, effort.time / 2).run()?;
            }
            for round in 0..effort.rounds {
                // Which of both is first changes with each round.
                for turn in 0..2 {
                    let which = (round + turn) % 2;
                    let server = [&service, &bare][which];
                    let before = server.processor_seconds()?;
                    let measured = load(server, effort.time).run()?;
                    sides[which].add(&measured, server.processor_seconds()? - before);
                }
            }
            let [own, other] = sides;
            table.row([
                case.what.clone(),
                format!("{connections} x {in_flight}"),
                format!("{:.0}", own.speed.median()),
                format!("{:.0}", other.speed.median()),
                own.speed.to(&other.speed).to_string(),
                own.delays(),
                other.delays(),
                format!("{:.0}", own.work.median()),
                format!("{:.0}", other.work.median()),
            ]);
        }
    }
    Ok(table)
}

/// Figures of one server.
#[derive(Default)]
struct Side {
    speed: Rounds,
    half: Rounds,
    most: Rounds,
    work: Rounds,
}

impl Side {
    fn add(&mut self, measured: &Measured, processor_seconds: f64) {
        self.speed.push(measured.calls_per_second);
        self.half.push(measured.percentile(50));
        self.most.push(measured.percentile(99));
        self.work.push(processor_seconds * 1e6 / measured.times.len() as f64);
    }

    fn delays(&self) -> String {
        format!("{:.2}, {:.2}", self.half.median(), self.most.median())
    }
}
