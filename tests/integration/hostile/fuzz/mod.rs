//! A seeded fuzzer: requests that a client could mean, made by the descriptors
//! of the API for a newsroom that is being worked in, then changed in a few
//! places, sent by people of every role. Whatever is sent, a server answers, and
//! never as if it were broken.
//!
//! `MASTHEAD_FUZZ_SEED` and `MASTHEAD_FUZZ_REQUESTS` choose other requests, and
//! fewer or more. What is sent depends on the seed; in which order the server comes to
//! it, as always, on the server.

mod mutate;
mod odd;
mod refill;
mod stock;
mod tree;
mod truth;
mod valid;

use std::{
    collections::{BTreeMap, BTreeSet},
    env,
    str::FromStr,
    time::{Duration, Instant},
};

use bytes::Bytes;
use fastrand::Rng;
use futures::StreamExt;
use masthead::{admin::Role, auth::table::rule_for};
use prost_types::MethodDescriptorProto;
use tonic::{Code, Status};
use tonic_types::StatusExt;

use self::{odd::chance, stock::Stock, tree::Tree, valid::Maker};
use super::host::Host;
use crate::raw::{Line, assert_presentable, methods};

/// What is sent unless the environment says otherwise.
const SEED: u64 = 20_261_123;
const REQUESTS: usize = 100_000;

/// Requests between two looks at the newsroom.
const BATCH: usize = 250;

/// Requests at once.
const AT_ONCE: usize = 12;

/// The longest that an answer may take, on a busy machine and without optimisation.
const ANSWER_TIME_MAX: Duration = Duration::from_secs(30);

/// How long a watch is watched that has nothing to say.
const WATCH_TIME: Duration = Duration::from_millis(100);

/// Memory of the server in the end, in MiB, without optimisation.
const MEMORY_MIB_MAX: u64 = 600;

/// Methods that walk through all there is, and of which a tenth is enough.
const WALKS: [&str; 3] = ["/VerifyPublications", "/VerifyPhotos", "/RebuildSearchIndex"];

/// Codes that say that the server is broken, or that nobody knows what happened.
const BROKEN: [Code; 4] = [Code::Internal, Code::Unknown, Code::DataLoss, Code::Unavailable];

fn setting<T: FromStr>(name: &str, usual: T) -> T {
    let given = env::var(name).ok();
    given.map_or(usual, |given| given.parse().unwrap_or_else(|_| panic!("{name}={given} is no number")))
}

/// A request, ready to be sent.
struct Shot {
    method: String,
    descriptor: &'static MethodDescriptorProto,
    caller: usize,
    /// The first message before its bytes were changed.
    request: Tree,
    messages: Vec<Vec<u8>>,
}

impl Shot {
    /// How to see it again: what would be sent, shortened.
    fn shown(&self) -> String {
        let messages = self.messages.iter().map(|message| {
            let hex = data_encoding::HEXLOWER.encode(&message[..message.len().min(4_000)]);
            format!("{} bytes {hex}", message.len())
        });
        format!("{} {}", self.method, messages.collect::<Vec<_>>().join(" | "))
    }
}

/// What came of all that was sent.
#[derive(Default)]
struct Tally {
    answered: BTreeMap<String, usize>,
    refused: BTreeMap<String, usize>,
    slowest: (Duration, String),
    /// What readers were shown of texts that are marked.
    seen: BTreeSet<String>,
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_with_anything_in_them_are_answered_and_break_nothing() {
    let seed = setting("MASTHEAD_FUZZ_SEED", SEED);
    let requests = setting("MASTHEAD_FUZZ_REQUESTS", REQUESTS);
    eprintln!("MASTHEAD_FUZZ_SEED={seed} MASTHEAD_FUZZ_REQUESTS={requests}");
    let host = Host::open(&[]).await;
    let (before, start) = (host.memory_mib(), Instant::now());
    let mut random = Rng::with_seed(seed);
    let (mut stock, mut tally) = (Stock::default(), Tally::default());
    let mut refused = 0;
    for batch in 0..requests.div_ceil(BATCH) {
        // What requests have undone; they may have undone what this needs too.
        if let Err(status) = refill::refill(&host, batch, &mut random, &mut stock).await {
            assert!(!BROKEN.contains(&status.code()), "{status:?}");
            refused += 1;
        }
        let lines = callers(&host).await;
        let count = BATCH.min(requests - batch * BATCH);
        let shots: Vec<Shot> = (0..count).map(|_| aim(&mut random, &stock, &lines)).collect();
        for (shot, answer) in fire(shots, &lines, seed).await {
            note(&mut tally, &mut random, &mut stock, &shot, answer);
        }
    }
    let time = start.elapsed();
    report(&tally, requests, time);
    eprintln!("memory {before} MiB before, {} MiB after; {refused} refills refused", host.memory_mib());
    assert!(host.memory_mib() < MEMORY_MIB_MAX, "{} MiB", host.memory_mib());
    let batches = requests.div_ceil(BATCH);
    assert!(refused * 2 <= batches, "the newsroom was filled only {} times", batches - refused);
    let answered: usize = tally.answered.values().sum();
    assert!(answered * 10 >= requests, "only {answered} were answered: these are no valid requests any more");
    truth::holds(&host, &tally.seen).await;
    let line = host.line("operator", Role::Operator).await;
    line.call("NewspaperService/ListNewspapers", Vec::new()).await.expect("a server that is there");
    host.close().await;
}

/// A line of each role, of someone with a wrong token, and of a stranger.
async fn callers(host: &Host) -> Vec<(Option<Role>, Line)> {
    let mut lines = Vec::new();
    for role in Role::ALL {
        lines.push((Some(role), host.line(role.as_str(), role).await));
    }
    let stranger = Line::at(&host.address()).await;
    lines.push((None, stranger.showing("Bearer nonsense")));
    lines.push((None, stranger));
    lines
}

/// Makes a request, as a rule of someone who may send it.
fn aim(random: &mut Rng, stock: &Stock, lines: &[(Option<Role>, Line)]) -> Shot {
    let all = methods();
    let (method, descriptor) = loop {
        let (method, descriptor) = odd::one(random, &all);
        if !WALKS.iter().any(|walk| method.ends_with(walk)) || chance(random, 10) {
            break (method.clone(), *descriptor);
        }
    };
    let (roles, ..) = rule_for(&method).expect("a rule");
    let may = |caller: &usize| lines[*caller].0.is_some_and(|role| roles.contains(&role));
    let allowed: Vec<usize> = (0..lines.len()).filter(may).collect();
    let caller = if chance(random, 95) { *odd::one(random, &allowed) } else { random.usize(..lines.len()) };
    let mut requests = Maker { random, stock, method: &method, descriptor }.request();
    let changes = *odd::one(random, &[0, 0, 0, 1, 1, 1, 1, 2, 3, 8]);
    for _ in 0..changes {
        let index = random.usize(..requests.len());
        mutate::field(random, &mut requests[index], stock);
    }
    let mut messages: Vec<Vec<u8>> = requests.iter().map(Tree::encode).collect();
    if chance(random, 10) {
        for _ in 0..random.usize(1..4) {
            let index = random.usize(..messages.len());
            mutate::bytes(random, &mut messages[index]);
        }
    }
    if messages.len() > 1 && chance(random, 10) {
        random.shuffle(&mut messages);
    }
    if chance(random, 1) {
        messages.extend(messages.clone());
    }
    Shot { method, descriptor, caller, request: requests.swap_remove(0), messages }
}

type Answer = (Result<Vec<Bytes>, Status>, Duration);

/// Sends them, some at once; the answers in the order of the requests.
async fn fire(shots: Vec<Shot>, lines: &[(Option<Role>, Line)], seed: u64) -> Vec<(Shot, Answer)> {
    let sent = shots.into_iter().map(|shot| async move {
        let start = Instant::now();
        let exchange = lines[shot.caller].1.exchange(&shot.method, shot.messages.clone());
        let watches = shot.method.contains("/Watch");
        let time_max = if watches { WATCH_TIME } else { ANSWER_TIME_MAX };
        let answer = match tokio::time::timeout(time_max, exchange).await {
            Ok(answer) => answer,
            Err(_) if watches => Ok(Vec::new()),
            Err(_) => panic!("seed {seed}: no answer to {}", shot.shown()),
        };
        if let Err(status) = &answer {
            judge(&shot, status, seed);
        }
        (shot, (answer, start.elapsed()))
    });
    futures::stream::iter(sent).buffered(AT_ONCE).collect().await
}

/// A refusal is the client's fault, says why by a published reason, is small, and
/// shows nothing of the inside.
fn judge(shot: &Shot, status: &Status, seed: u64) {
    let shown = || format!("seed {seed}: {status:?} to {}", shot.shown());
    assert!(!BROKEN.contains(&status.code()), "{}", shown());
    let details = status.get_error_details();
    let reason = details.error_info().map(|info| format!("ERROR_REASON_{}", info.reason));
    let published = tree::names(".masthead.v1.ErrorReason");
    assert!(reason.is_some_and(|reason| published.contains(&reason.as_str())), "{}", shown());
    assert_presentable(&shot.method, status);
}

/// Takes down what came of a request, and learns from it.
fn note(tally: &mut Tally, random: &mut Rng, stock: &mut Stock, shot: &Shot, (answer, time): Answer) {
    if time > tally.slowest.0 {
        tally.slowest = (time, shot.method.clone());
    }
    match answer {
        Ok(messages) => {
            *tally.answered.entry(shot.method.clone()).or_default() += 1;
            for message in &messages {
                if shot.method.starts_with("PublicationService/") {
                    tally.seen.extend(refill::marks(message));
                }
                let answer = shot.descriptor.output_type();
                stock.learn(random, &shot.method, &shot.request, answer, message);
            }
        }
        Err(status) => {
            let details = status.get_error_details();
            let reason = details.error_info().map(|info| info.reason.clone()).unwrap_or_default();
            *tally.refused.entry(reason).or_default() += 1;
        }
    }
}

fn report(tally: &Tally, requests: usize, time: Duration) {
    let answered: usize = tally.answered.values().sum();
    eprintln!(
        "{requests} requests in {:.0} s, {answered} of them answered; the slowest took {:?}: {}",
        time.as_secs_f64(),
        tally.slowest.0,
        tally.slowest.1
    );
    eprintln!("refused: {:?}", tally.refused);
    let never: Vec<String> = methods()
        .into_iter()
        .map(|(method, _)| method)
        .filter(|method| !tally.answered.contains_key(method))
        .collect();
    eprintln!("never answered other than by a refusal: {never:?}");
}
