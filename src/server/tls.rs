//! TLS: the server's certificate and whose certificates of clients it takes, from
//! files that are read again when they change.

use std::{
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

use tokio::{io::AsyncReadExt, sync::watch};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{
        RootCertStore, ServerConfig,
        crypto::ring,
        pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
        server::WebPkiClientVerifier,
    },
};

use crate::{
    config::{self, TlsSettings},
    digest::Digest,
};

/// The protocol that clients agree to in the handshake (RFC 9113 section 3.2).
const HTTP2: &[u8] = b"h2";

/// Why the files cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file cannot be read.
    #[error("{path} cannot be read: {cause}")]
    File {
        /// The file.
        path: PathBuf,
        /// What the system says.
        cause: io::Error,
    },
    /// A file does not hold what it should.
    #[error("{path} {fault}")]
    Content {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        fault: String,
    },
    /// They do not belong together, or rustls does not take them.
    #[error("the files of --tls-certificate and --tls-key cannot be used: {0}")]
    Pair(String),
    /// Certificates of clients are asked for, and nobody may sign them.
    #[error("--tls-client-required needs --tls-client-ca")]
    NoAuthority,
}

/// Whom a server proves to be.
#[derive(Debug)]
pub struct Identity {
    files: Files,
    now: watch::Sender<Arc<ServerConfig>>,
    /// Of what the files held when they were last looked at.
    seen: watch::Sender<Option<Digest>>,
}

/// Where it comes from.
#[derive(Debug)]
struct Files {
    certificate: PathBuf,
    key: PathBuf,
    client_ca: Option<PathBuf>,
    client_required: bool,
}

/// What the files hold.
struct Content {
    certificate: Vec<u8>,
    key: Vec<u8>,
    client_ca: Option<Vec<u8>>,
}

impl Identity {
    /// Reads the files; none if the server has no certificate.
    ///
    /// # Errors
    /// A file cannot be read, or does not hold what it should.
    pub async fn load(settings: &TlsSettings) -> Result<Option<Identity>, Error> {
        let (Some(certificate), Some(key)) = (&settings.tls_certificate, &settings.tls_key) else {
            return if settings.tls_client_required { Err(Error::NoAuthority) } else { Ok(None) };
        };
        let files = Files {
            certificate: certificate.clone(),
            key: key.clone(),
            client_ca: settings.tls_client_ca.clone(),
            client_required: settings.tls_client_required,
        };
        let content = files.read().await?;
        let config = Arc::new(files.config(&content)?);
        let seen = watch::Sender::new(Some(content.digest()));
        Ok(Some(Identity { files, now: watch::Sender::new(config), seen }))
    }

    /// For one handshake.
    pub fn acceptor(&self) -> TlsAcceptor {
        TlsAcceptor::from(self.now.borrow().clone())
    }

    /// Reads the files again when they change, for as long as the server lives. What
    /// cannot be used changes nothing, and is logged once. Connections that are open
    /// stay as they are.
    pub async fn keep_up(&self) {
        loop {
            tokio::time::sleep(config::TLS_RELOAD_PERIOD).await;
            let content = self.files.read().await;
            let digest = content.as_ref().ok().map(Content::digest);
            if self.seen.send_replace(digest) == digest {
                continue;
            }
            match content.and_then(|content| self.files.config(&content)) {
                Ok(config) => {
                    self.now.send_replace(Arc::new(config));
                    tracing::info!(file = %self.files.certificate.display(), "took a new TLS certificate");
                }
                Err(error) => tracing::error!(%error, "the TLS certificate stays as it was"),
            }
        }
    }
}

impl Content {
    fn digest(&self) -> Digest {
        Digest::of_parts([&*self.certificate, &*self.key, self.client_ca.as_deref().unwrap_or_default()])
    }
}

impl Files {
    async fn read(&self) -> Result<Content, Error> {
        let client_ca = match &self.client_ca {
            Some(path) => Some(read(path).await?),
            None => None,
        };
        Ok(Content { certificate: read(&self.certificate).await?, key: read(&self.key).await?, client_ca })
    }

    /// TLS 1.2 and 1.3, as rustls has them by default.
    fn config(&self, content: &Content) -> Result<ServerConfig, Error> {
        let provider = Arc::new(ring::default_provider());
        let pair = |error: &dyn std::error::Error| Error::Pair(error.to_string());
        let builder = ServerConfig::builder_with_provider(provider.clone())
            .with_safe_default_protocol_versions()
            .map_err(|error| pair(&error))?;
        let builder = match (&self.client_ca, &content.client_ca) {
            (Some(path), Some(bytes)) => {
                let roots = Arc::new(authorities(path, bytes)?);
                let mut clients = WebPkiClientVerifier::builder_with_provider(roots, provider);
                if !self.client_required {
                    clients = clients.allow_unauthenticated();
                }
                let fault = |error: &dyn std::error::Error| unusable(path, error);
                builder.with_client_cert_verifier(clients.build().map_err(|error| fault(&error))?)
            }
            _ if self.client_required => return Err(Error::NoAuthority),
            _ => builder.with_no_client_auth(),
        };
        let chain = certificates(&self.certificate, &content.certificate)?;
        let key = PrivateKeyDer::from_pem_slice(&content.key).map_err(|error| unusable(&self.key, &error))?;
        let mut config = builder.with_single_cert(chain, key).map_err(|error| pair(&error))?;
        config.alpn_protocols = vec![HTTP2.to_vec()];
        Ok(config)
    }
}

async fn read(path: &Path) -> Result<Vec<u8>, Error> {
    let fault = |cause| Error::File { path: path.to_owned(), cause };
    let file = tokio::fs::File::open(path).await.map_err(fault)?;
    let mut bytes = Vec::new();
    file.take(config::TLS_FILE_BYTES_MAX + 1).read_to_end(&mut bytes).await.map_err(fault)?;
    if bytes.len() as u64 > config::TLS_FILE_BYTES_MAX {
        let max = config::TLS_FILE_BYTES_MAX;
        return Err(Error::Content { path: path.to_owned(), fault: format!("has more than {max} bytes") });
    }
    Ok(bytes)
}

fn certificates(path: &Path, bytes: &[u8]) -> Result<Vec<CertificateDer<'static>>, Error> {
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(bytes).collect();
    let chain = chain.map_err(|error| unusable(path, &error))?;
    if chain.is_empty() {
        return Err(Error::Content {
            path: path.to_owned(),
            fault: "holds no certificate in PEM".to_owned(),
        });
    }
    Ok(chain)
}

fn authorities(path: &Path, bytes: &[u8]) -> Result<RootCertStore, Error> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates(path, bytes)? {
        roots.add(certificate).map_err(|error| unusable(path, &error))?;
    }
    Ok(roots)
}

fn unusable(path: &Path, error: &dyn std::error::Error) -> Error {
    Error::Content { path: path.to_owned(), fault: format!("cannot be used: {error}") }
}
