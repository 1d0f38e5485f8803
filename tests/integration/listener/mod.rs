//! Connections: TLS, their limits, and how a server lets go of them.

mod command;
mod frames;
mod limits;
mod people;
mod stopping;
mod times;
mod tls;

use std::net::SocketAddr;

use masthead::config::{ConnectionSettings, ServiceSettings, TlsSettings};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use tempfile::TempDir;

use crate::newsroom::Newsroom;

/// A newsroom whose connections have these settings.
async fn open(connections: ConnectionSettings) -> (Newsroom, SocketAddr) {
    let newsroom = Newsroom::with_settings(ServiceSettings { connections, ..Default::default() }).await;
    let address = newsroom.address().parse().expect("an address");
    (newsroom, address)
}

/// An authority that signs certificates.
struct Authority(CertifiedIssuer<'static, KeyPair>);

/// A certificate with its key, both in PEM, and the certificate in DER.
struct Certified {
    certificate: String,
    der: Vec<u8>,
    key: String,
}

impl Authority {
    fn new(name: &str) -> Authority {
        let mut params = CertificateParams::new(Vec::new()).expect("no names");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, name);
        let key = KeyPair::generate().expect("a key");
        Authority(CertifiedIssuer::self_signed(params, key).expect("an authority"))
    }

    /// Its own certificate in PEM.
    fn pem(&self) -> String {
        self.0.pem()
    }

    /// Signs a certificate for this machine.
    fn certify(&self, name: &str) -> Certified {
        let names = ["localhost".to_owned(), "127.0.0.1".to_owned()];
        let mut params = CertificateParams::new(names).expect("names");
        params.distinguished_name.push(DnType::CommonName, name);
        let key = KeyPair::generate().expect("a key");
        let certificate = params.signed_by(&key, &self.0).expect("a certificate");
        Certified {
            certificate: certificate.pem(),
            der: certificate.der().to_vec(),
            key: key.serialize_pem(),
        }
    }
}

/// The files of a server.
struct TlsFiles(TempDir);

impl TlsFiles {
    fn new(certified: &Certified) -> TlsFiles {
        let files = TlsFiles(TempDir::new().expect("a folder"));
        files.write(certified);
        files
    }

    fn write(&self, certified: &Certified) {
        self.put("certificate.pem", &certified.certificate);
        self.put("key.pem", &certified.key);
    }

    fn put(&self, name: &str, text: &str) {
        std::fs::write(self.0.path().join(name), text).expect("a file");
    }

    fn path(&self, name: &str) -> String {
        self.0.path().join(name).to_string_lossy().into_owned()
    }

    fn settings(&self) -> TlsSettings {
        TlsSettings {
            tls_certificate: Some(self.path("certificate.pem").into()),
            tls_key: Some(self.path("key.pem").into()),
            ..Default::default()
        }
    }
}
