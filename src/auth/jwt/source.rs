//! Where an issuer's keys come from: a JWKS over HTTPS, found by the issuer's own
//! configuration (OpenID Connect Discovery 1.0 section 4) or at a place that is set.

use std::{fs, io::Read, net::IpAddr, path::Path, time::Duration};

use reqwest::{Certificate, Client, StatusCode, Url, header::ACCEPT, redirect::Policy};
use serde_json::Value;

use super::{json, keys::KeySet};
use crate::config::{IdentitySettings, OIDC_CA_BYTES_MAX};

/// Where an issuer says of itself how it is to be used.
const CONFIGURATION: &str = "/.well-known/openid-configuration";

/// Characters of an issuer's words in an error.
const EXCERPT_CHARS_MAX: usize = 200;

/// An issuer, as the place that its keys are fetched from.
#[derive(Debug)]
pub(super) struct Source {
    client: Client,
    issuer: String,
    start: Start,
    document_bytes_max: usize,
    keys_max: usize,
}

/// What is fetched first.
#[derive(Debug)]
enum Start {
    Configuration(Url),
    Keys(Url),
}

impl Source {
    /// The place that settings name for an issuer.
    ///
    /// # Errors
    /// A URL or a file of certificates cannot be used, in words.
    pub(super) fn new(issuer: &str, settings: &IdentitySettings) -> Result<Source, String> {
        let start = match &settings.oidc_jwks_uri {
            Some(uri) => {
                Start::Keys(place(uri, true).map_err(|why| format!("--oidc-jwks-uri {uri:?}: {why}"))?)
            }
            None => {
                let at =
                    configuration_of(issuer).map_err(|why| format!("--oidc-issuer {issuer:?}: {why}"))?;
                Start::Configuration(at)
            }
        };
        Ok(Source {
            client: client(start.url(), settings)?,
            issuer: issuer.to_owned(),
            start,
            document_bytes_max: settings.oidc_document_bytes_max as usize,
            keys_max: settings.oidc_keys_max as usize,
        })
    }

    /// Fetches the keys.
    ///
    /// # Errors
    /// The issuer is away, or answers with something else, in words.
    pub(super) async fn fetch(&self) -> Result<KeySet, String> {
        let found;
        let keys = match &self.start {
            Start::Keys(url) => url,
            Start::Configuration(url) => {
                let configuration = self.get(url).await?;
                found = self.keys_of(url, &configuration).map_err(|why| format!("{url}: {why}"))?;
                &found
            }
        };
        let document = self.get(keys).await?;
        KeySet::read(&document, self.keys_max).map_err(|why| format!("{keys}: {why}"))
    }

    /// Where an issuer's configuration says that its keys are.
    fn keys_of(&self, url: &Url, configuration: &[u8]) -> Result<Url, String> {
        let configuration =
            json::read_object(configuration).map_err(|error| format!("no configuration: {error}"))?;
        let text = |name: &str| configuration.get(name).and_then(Value::as_str);
        // Discovery section 4.3. What another issuer says of itself is no word of ours.
        if text("issuer") != Some(&self.issuer) {
            let is = excerpt(text("issuer").unwrap_or_default());
            return Err(format!("it is the configuration of the issuer {is:?}, not of {:?}", self.issuer));
        }
        let uri = text("jwks_uri").ok_or("it has no jwks_uri")?;
        // An issuer elsewhere has no say in what is asked of this machine.
        place(uri, is_loopback(url)).map_err(|why| format!("jwks_uri {:?}: {why}", excerpt(uri)))
    }

    async fn get(&self, url: &Url) -> Result<Vec<u8>, String> {
        let answer = self.client.get(url.clone()).header(ACCEPT, "application/json").send().await;
        let mut answer = answer.map_err(|error| failure(url, error))?;
        if answer.status() != StatusCode::OK {
            return Err(format!("{url}: the answer was {}", answer.status()));
        }
        let mut bytes = Vec::new();
        while let Some(chunk) = answer.chunk().await.map_err(|error| failure(url, error))? {
            if bytes.len() + chunk.len() > self.document_bytes_max {
                return Err(format!("{url}: more than {} bytes", self.document_bytes_max));
            }
            bytes.extend_from_slice(&chunk);
        }
        Ok(bytes)
    }
}

impl Start {
    fn url(&self) -> &Url {
        match self {
            Start::Configuration(url) | Start::Keys(url) => url,
        }
    }
}

/// A client that follows no redirection: one could lead to where no TLS is.
fn client(first: &Url, settings: &IdentitySettings) -> Result<Client, String> {
    // One of a process; whoever came first has installed the same.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let time_max = Duration::from_secs(settings.oidc_fetch_seconds_max.into());
    let mut builder = Client::builder().redirect(Policy::none()).timeout(time_max);
    if is_loopback(first) {
        // What is on this machine is behind no proxy.
        builder = builder.no_proxy();
    }
    if let Some(path) = &settings.oidc_ca {
        builder = builder.tls_certs_only(certificates(path)?);
    } else if first.scheme() == "http" {
        // A machine that trusts nobody can still use an issuer on loopback.
        builder = builder.tls_certs_only([]);
    }
    builder.build().map_err(|error| {
        format!("no TLS for --oidc-issuer: {}; --oidc-ca names certificates to trust", chain(&error))
    })
}

fn certificates(path: &Path) -> Result<Vec<Certificate>, String> {
    let failed = |why: String| format!("--oidc-ca {}: {why}", path.display());
    let file = fs::File::open(path).map_err(|error| failed(error.to_string()))?;
    let mut pem = Vec::new();
    file.take(OIDC_CA_BYTES_MAX + 1).read_to_end(&mut pem).map_err(|error| failed(error.to_string()))?;
    if pem.len() as u64 > OIDC_CA_BYTES_MAX {
        return Err(failed(format!("it has more than {OIDC_CA_BYTES_MAX} bytes")));
    }
    let certificates = Certificate::from_pem_bundle(&pem).map_err(|error| failed(chain(&error)))?;
    if certificates.is_empty() {
        return Err(failed("it holds no certificates in PEM".to_owned()));
    }
    Ok(certificates)
}

/// A URL that keys may come from: nobody on the way can change them.
fn place(text: &str, may_be_loopback: bool) -> Result<Url, String> {
    let url = Url::parse(text).map_err(|error| error.to_string())?;
    if !url.username().is_empty() || url.password().is_some() || url.fragment().is_some() {
        return Err("must have neither a user nor a fragment".to_owned());
    }
    match url.scheme() {
        "https" => Ok(url),
        "http" if may_be_loopback && is_loopback(&url) => Ok(url),
        _ => Err("must begin with https://".to_owned()),
    }
}

/// Where the configuration of an issuer is (Discovery section 4.1).
fn configuration_of(issuer: &str) -> Result<Url, String> {
    if place(issuer, true)?.query().is_some() {
        return Err("must have no query".to_owned());
    }
    place(&format!("{}{CONFIGURATION}", issuer.trim_end_matches('/')), true)
}

fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    // RFC 6761 section 6.3 keeps the name for loopback.
    host == "localhost" || address.is_ok_and(|address| address.is_loopback())
}

/// As much of what somebody else wrote as belongs into a log.
fn excerpt(text: &str) -> String {
    text.chars().take(EXCERPT_CHARS_MAX).collect()
}

fn failure(url: &Url, error: reqwest::Error) -> String {
    format!("{url}: {}", chain(&error.without_url()))
}

/// An error with its causes, the last of which says what is wrong.
fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_come_only_from_where_nobody_can_change_them() {
        for url in ["https://id.example/keys?p=1", "https://10.0.0.1/", "https://localhost:8443/"] {
            assert!(place(url, false).is_ok(), "{url}");
        }
        for url in ["http://127.0.0.1:8080/keys", "http://[::1]/", "http://localhost/"] {
            assert!(place(url, true).is_ok(), "{url}");
            assert!(place(url, false).is_err(), "{url}");
        }
        let refused = [
            "http://id.example/keys",
            "http://127.0.0.1.id.example/",
            "http://localhost.id.example/",
            "http://0.0.0.0/",
            "https://user@id.example/",
            "https://:secret@id.example/",
            "https://id.example/#keys",
            "file:///etc/keys",
            "ftp://127.0.0.1/keys",
            "id.example",
            "",
        ];
        for url in refused {
            assert!(place(url, true).is_err(), "{url}");
        }
    }

    #[test]
    fn an_issuers_configuration_is_below_its_own_url() {
        let at = |issuer: &str| configuration_of(issuer).map(|url| url.to_string());
        let expected = "https://id.example/realms/paper/.well-known/openid-configuration";
        assert_eq!(at("https://id.example/realms/paper"), Ok(expected.to_owned()));
        assert_eq!(at("https://id.example/realms/paper/"), Ok(expected.to_owned()));
        assert_eq!(
            at("https://id.example"),
            Ok("https://id.example/.well-known/openid-configuration".to_owned())
        );
        assert!(at("https://id.example/?tenant=1").is_err());
        assert!(at("accounts.example").is_err());
    }
}
