//! TLS: who is trusted, what is refused, and certificates that change.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use masthead::{
    admin::Role,
    config::{ServiceSettings, TlsSettings},
    import::desk::{ConnectError, Desk},
    pb,
    server::check_address,
};
use tokio::net::TcpStream;
use tokio_rustls::{
    TlsConnector,
    client::TlsStream,
    rustls::{
        ClientConfig, ProtocolVersion, RootCertStore, SupportedProtocolVersion,
        crypto::ring,
        pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
        version::{TLS12, TLS13},
    },
};

use super::{Authority, Certified, TlsFiles, frames::Raw};
use crate::{feed::now, newsroom::Newsroom};

/// A newsroom behind TLS.
async fn open(tls: TlsSettings) -> Newsroom {
    Newsroom::with_settings(ServiceSettings { tls, ..Default::default() }).await
}

/// The desk of an editor who trusts an authority.
pub async fn connect(newsroom: &Newsroom, authority: &Authority) -> Result<Desk, ConnectError> {
    let token = newsroom.token("editor", Role::Editor).await;
    let address = format!("https://{}", newsroom.address());
    Desk::connect_trusting(&address, &token, Some(authority.pem())).await
}

async fn list(desk: &mut Desk) -> bool {
    desk.newspapers.list_newspapers(pb::ListNewspapersRequest::default()).await.is_ok()
}

/// What a client offers in the handshake.
struct Offer<'a> {
    trusted: &'a Authority,
    certified: Option<&'a Certified>,
    protocol: &'a str,
    version: &'static SupportedProtocolVersion,
}

impl Offer<'_> {
    fn of(trusted: &Authority) -> Offer<'_> {
        Offer { trusted, certified: None, protocol: "h2", version: &TLS13 }
    }

    /// Shakes hands. In TLS 1.3 the server judges the client only after that.
    async fn handshake(&self, newsroom: &Newsroom) -> std::io::Result<TlsStream<TcpStream>> {
        let mut roots = RootCertStore::empty();
        let trusted = CertificateDer::from_pem_slice(self.trusted.pem().as_bytes()).expect("a certificate");
        roots.add(trusted).expect("an authority");
        let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_protocol_versions(&[self.version])
            .expect("a version")
            .with_root_certificates(roots);
        let mut config = match self.certified {
            None => config.with_no_client_auth(),
            Some(Certified { der, key, .. }) => {
                let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).expect("a key");
                config.with_client_auth_cert(vec![der.clone().into()], key).expect("a certificate")
            }
        };
        config.alpn_protocols = vec![self.protocol.as_bytes().to_vec()];
        let socket = TcpStream::connect(newsroom.address()).await?;
        let name = "localhost".try_into().expect("a name");
        TlsConnector::from(Arc::new(config)).connect(name, socket).await
    }

    /// Whether the server lets it in, as far as HTTP/2.
    async fn is_let_in(&self, newsroom: &Newsroom) -> bool {
        use tokio::io::{AsyncReadExt, AsyncWriteExt};
        let Ok(mut io) = self.handshake(newsroom).await else { return false };
        let begin = [super::frames::PREFACE, &super::frames::frame(4, 0, 0, &[])].concat();
        io.write_all(&begin).await.is_ok() && io.read_u8().await.is_ok()
    }
}

#[tokio::test]
async fn calls_pass_over_tls_to_whoever_trusts_the_authority_and_to_nobody_else() {
    let authority = Authority::new("authority");
    let files = TlsFiles::new(&authority.certify("server"));
    let newsroom = open(files.settings()).await;
    let mut desk = connect(&newsroom, &authority).await.expect("a desk");
    assert!(list(&mut desk).await);
    let Err(refused) = connect(&newsroom, &Authority::new("another")).await else {
        panic!("a stranger's certificate was trusted")
    };
    let said = refused.to_string();
    assert!(said.contains("--tls-ca") && said.contains("UnknownIssuer"), "{said}");
    newsroom.close().await;
}

#[tokio::test]
async fn plain_bytes_are_refused_where_tls_is_spoken_and_tls_where_it_is_not() {
    let authority = Authority::new("authority");
    let files = TlsFiles::new(&authority.certify("server"));
    let newsroom = open(files.settings()).await;
    let address: SocketAddr = newsroom.address().parse().expect("an address");
    let mut plain = Raw::silent(address).await;
    plain.begin().await.expect("a beginning");
    // Some answer of TLS, an alert, and then the end.
    use tokio::io::AsyncReadExt;
    let mut answer = Vec::new();
    let _ = plain.io.read_to_end(&mut answer).await;
    assert!(answer.first().is_none_or(|byte| *byte == 0x15), "not HTTP/2: {answer:?}");
    assert!(list(&mut connect(&newsroom, &authority).await.expect("a desk")).await);
    newsroom.close().await;

    let newsroom = Newsroom::open().await;
    assert!(!Offer::of(&authority).is_let_in(&newsroom).await);
    assert!(connect(&newsroom, &authority).await.is_err());
    newsroom.desk(Role::Editor).await;
    newsroom.close().await;
}

#[tokio::test]
async fn tls_is_of_version_1_2_or_1_3_and_speaks_http2_only() {
    let authority = Authority::new("authority");
    let files = TlsFiles::new(&authority.certify("server"));
    let newsroom = open(files.settings()).await;
    for (version, expected) in [(&TLS12, ProtocolVersion::TLSv1_2), (&TLS13, ProtocolVersion::TLSv1_3)] {
        let offer = Offer { version, ..Offer::of(&authority) };
        let io = offer.handshake(&newsroom).await.expect("a handshake");
        assert_eq!(io.get_ref().1.protocol_version(), Some(expected));
        assert_eq!(io.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
    }
    assert!(Offer { protocol: "http/1.1", ..Offer::of(&authority) }.handshake(&newsroom).await.is_err());
    newsroom.close().await;
}

#[tokio::test]
async fn a_client_may_show_a_certificate_but_only_one_of_the_authority_of_clients() {
    let (authority, people) = (Authority::new("authority"), Authority::new("people"));
    let files = TlsFiles::new(&authority.certify("server"));
    files.put("people.pem", &people.pem());
    let tls = TlsSettings { tls_client_ca: Some(files.path("people.pem").into()), ..files.settings() };
    let (known, stranger) = (people.certify("lin"), Authority::new("others").certify("lin"));
    for required in [false, true] {
        let newsroom = open(TlsSettings { tls_client_required: required, ..tls.clone() }).await;
        for version in [&TLS12, &TLS13] {
            let offer = |certified| Offer { certified, version, ..Offer::of(&authority) };
            assert_eq!(offer(None).is_let_in(&newsroom).await, !required, "without one, {version:?}");
            assert!(offer(Some(&known)).is_let_in(&newsroom).await, "{version:?}");
            assert!(!offer(Some(&stranger)).is_let_in(&newsroom).await, "{version:?}");
        }
        newsroom.close().await;
    }
}

/// Waits until a client that trusts this authority is let in, or until it is not.
async fn until(newsroom: &Newsroom, trusted: &Authority, let_in: bool) {
    let changed = async {
        while Offer::of(trusted).is_let_in(newsroom).await != let_in {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), changed).await.expect("the certificate is taken in time");
}

#[tokio::test]
async fn a_new_certificate_is_taken_without_ending_connections_and_a_broken_one_is_not() {
    let (old, new) = (Authority::new("old"), Authority::new("new"));
    let files = TlsFiles::new(&old.certify("server"));
    let newsroom = open(files.settings()).await;
    let mut before = connect(&newsroom, &old).await.expect("a desk");
    let mut watch = now(&before).await;
    files.write(&new.certify("server"));
    until(&newsroom, &new, true).await;
    assert!(!Offer::of(&old).is_let_in(&newsroom).await, "new connections see the new one");
    assert!(list(&mut before).await, "old connections go on");
    for broken in ["", "nonsense", &old.certify("other").certificate] {
        files.put("certificate.pem", broken);
        // Twice as long as the server takes to look.
        tokio::time::sleep(2 * masthead::config::TLS_RELOAD_PERIOD).await;
        assert!(Offer::of(&new).is_let_in(&newsroom).await, "the last good one stays");
    }
    files.write(&old.certify("server"));
    until(&newsroom, &old, true).await;
    watch.checkpoint().await;
    newsroom.close().await;
}

#[tokio::test]
async fn files_that_cannot_be_used_keep_a_server_from_starting_and_are_named() {
    let authority = Authority::new("authority");
    let one = authority.certify("server");
    let good = TlsFiles::new(&one);
    good.put("other-key.pem", &authority.certify("other").key);
    good.put("empty.pem", "");
    let path = |name: &str| Some(good.path(name).into());
    let cases = [
        (
            TlsSettings { tls_certificate: path("nowhere.pem"), ..good.settings() },
            "nowhere.pem cannot be read",
        ),
        (
            TlsSettings { tls_certificate: path("empty.pem"), ..good.settings() },
            "empty.pem holds no certificate",
        ),
        (TlsSettings { tls_key: path("empty.pem"), ..good.settings() }, "empty.pem cannot be used"),
        (TlsSettings { tls_key: path("other-key.pem"), ..good.settings() }, "--tls-key"),
        (
            TlsSettings { tls_client_ca: path("empty.pem"), ..good.settings() },
            "empty.pem holds no certificate",
        ),
        (TlsSettings { tls_client_required: true, ..good.settings() }, "--tls-client-ca"),
        (TlsSettings { tls_client_required: true, ..Default::default() }, "--tls-client-ca"),
    ];
    let newsroom = Newsroom::open().await;
    for (tls, expected) in cases {
        let error = newsroom.second_server(ServiceSettings { tls, ..Default::default() }).await;
        assert!(error.contains(expected), "{error} does not name {expected}");
    }
    newsroom.close().await;
}

#[test]
fn without_tls_only_loopback_is_listened_on_unless_it_is_allowed() {
    let plain = TlsSettings::default();
    let allowed = TlsSettings { insecure_listen: true, ..Default::default() };
    let safe = TlsSettings { tls_certificate: Some("certificate.pem".into()), ..Default::default() };
    for address in ["127.0.0.1:0", "127.8.8.8:1", "[::1]:0", "[::ffff:127.0.0.1]:0"] {
        assert!(check_address(address.parse().expect("an address"), &plain).is_ok(), "{address}");
    }
    for address in ["0.0.0.0:0", "[::]:0", "192.0.2.1:1", "[2001:db8::1]:1", "[::ffff:192.0.2.1]:0"] {
        let address = address.parse().expect("an address");
        let refused = check_address(address, &plain).expect_err("it is exposed").to_string();
        assert!(refused.contains("--insecure-listen") && refused.contains("--tls-certificate"), "{refused}");
        assert!(check_address(address, &allowed).is_ok() && check_address(address, &safe).is_ok());
    }
}
