//! An OIDC issuer beside us: an HTTP server with a configuration and keys, which can
//! fall silent, go away and come back.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};

use chrono::Utc;
use masthead::config::IdentitySettings;
use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::{ServerConfig, pki_types::PrivateKeyDer};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::TcpListener,
    task::JoinHandle,
};
use tokio_rustls::TlsAcceptor;

/// The audience that tokens of the tests are for.
pub const AUDIENCE: &str = "masthead";

/// What an issuer answers at a path: a status line, more header lines, and a body.
type Answer = (&'static str, String, Vec<u8>);

/// An issuer.
pub struct Issuer {
    pub url: String,
    inner: Arc<Inner>,
    serving: JoinHandle<()>,
    /// The certificate that it shows, in PEM; none without TLS.
    pub certificate: Option<String>,
}

#[derive(Default)]
struct Inner {
    answers: Mutex<HashMap<String, Answer>>,
    is_away: AtomicBool,
    is_silent: AtomicBool,
    asked_for_keys: AtomicUsize,
}

impl Issuer {
    /// One with these keys, over plain HTTP.
    pub async fn start(keys: &[Value]) -> Issuer {
        Issuer::serve(keys, None).await
    }

    /// One with these keys, over TLS with a certificate that nobody vouches for.
    pub async fn start_tls(keys: &[Value]) -> Issuer {
        // One of a process; whoever came first has installed the same.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let own = generate_simple_self_signed(["127.0.0.1".to_owned()]).expect("a certificate");
        Issuer::serve(keys, Some(own)).await
    }

    async fn serve(keys: &[Value], own: Option<CertifiedKey<rcgen::KeyPair>>) -> Issuer {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let scheme = if own.is_some() { "https" } else { "http" };
        let url = format!("{scheme}://{}/realms/paper", listener.local_addr().expect("its address"));
        let certificate = own.as_ref().map(|own| own.cert.pem());
        let acceptor = own.map(|own| {
            let key = PrivateKeyDer::try_from(own.signing_key.serialize_der()).expect("a key");
            let config = ServerConfig::builder().with_no_client_auth();
            let config = config.with_single_cert(vec![own.cert.der().clone()], key).expect("a TLS config");
            TlsAcceptor::from(Arc::new(config))
        });
        let inner = Arc::new(Inner::default());
        let serving = tokio::spawn(accept(listener, acceptor, inner.clone()));
        let issuer = Issuer { url, inner, serving, certificate };
        issuer.configure(json!({"issuer": issuer.url, "jwks_uri": format!("{}/keys", issuer.url)}));
        issuer.publish(keys);
        issuer
    }

    /// Publishes these keys and no others.
    pub fn publish(&self, keys: &[Value]) {
        self.answer("/realms/paper/keys", "200 OK", "", json!({"keys": keys}).to_string());
    }

    /// Says this of itself.
    pub fn configure(&self, configuration: Value) {
        let path = "/realms/paper/.well-known/openid-configuration";
        self.answer(path, "200 OK", "", configuration.to_string());
    }

    /// Answers so at a path.
    pub fn answer(&self, path: &str, status: &'static str, headers: &str, body: impl Into<Vec<u8>>) {
        let answer = (status, headers.to_owned(), body.into());
        self.inner.answers.lock().expect("answers").insert(path.to_owned(), answer);
    }

    /// Goes away, closing each connection at once, or comes back.
    pub fn set_away(&self, is_away: bool) {
        self.inner.is_away.store(is_away, Ordering::SeqCst);
    }

    /// Takes questions and answers none, or answers again.
    pub fn set_silent(&self, is_silent: bool) {
        self.inner.is_silent.store(is_silent, Ordering::SeqCst);
    }

    /// How often its keys were asked for, also while it is silent.
    pub fn asked_for_keys(&self) -> usize {
        self.inner.asked_for_keys.load(Ordering::SeqCst)
    }

    /// Settings with which its tokens are taken, and its keys fetched only when a token
    /// asks for it.
    pub fn settings(&self) -> IdentitySettings {
        IdentitySettings {
            oidc_issuer: Some(self.url.clone()),
            oidc_audience: Some(AUDIENCE.to_owned()),
            oidc_refresh_seconds: 86_400,
            oidc_refresh_pause_seconds: 0,
            ..Default::default()
        }
    }

    /// Claims of a token that is taken, of a person with this role.
    pub fn claims(&self, person: &str, role: &str) -> Value {
        let now = Utc::now().timestamp();
        json!({
            "iss": self.url, "aud": AUDIENCE, "sub": person, "roles": [role],
            "iat": now, "exp": now + 300,
        })
    }
}

impl Drop for Issuer {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn accept(listener: TcpListener, acceptor: Option<TlsAcceptor>, inner: Arc<Inner>) {
    loop {
        let (stream, _) = listener.accept().await.expect("a connection");
        if inner.is_away.load(Ordering::SeqCst) {
            continue;
        }
        let (acceptor, inner) = (acceptor.clone(), inner.clone());
        tokio::spawn(async move {
            match acceptor {
                None => answer(stream, &inner).await,
                // A client that does not trust us hangs up.
                Some(acceptor) => {
                    if let Ok(stream) = acceptor.accept(stream).await {
                        answer(stream, &inner).await;
                    }
                }
            }
        });
    }
}

/// Answers one question of HTTP/1.1 and hangs up. A client that hangs up first is no
/// fault.
async fn answer(mut stream: impl AsyncRead + AsyncWrite + Unpin, inner: &Inner) {
    let mut question = Vec::new();
    while !question.ends_with(b"\r\n\r\n") {
        match stream.read_u8().await {
            Ok(byte) => question.push(byte),
            Err(_) => return,
        }
    }
    let question = String::from_utf8(question).expect("a question in ASCII");
    let path = question.split(' ').nth(1).expect("a path");
    if path.ends_with("/keys") {
        inner.asked_for_keys.fetch_add(1, Ordering::SeqCst);
    }
    if inner.is_silent.load(Ordering::SeqCst) {
        return std::future::pending().await;
    }
    let found = inner.answers.lock().expect("answers").get(path).cloned();
    let (status, headers, body) = found.unwrap_or(("404 Not Found", String::new(), Vec::new()));
    let head =
        format!("HTTP/1.1 {status}\r\nconnection: close\r\ncontent-length: {}\r\n{headers}\r\n", body.len());
    let _ = stream.write_all(&[head.into_bytes(), body].concat()).await;
    let _ = stream.shutdown().await;
}
