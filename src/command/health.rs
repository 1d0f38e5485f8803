//! `masthead health`: what a container or a script asks a server.

use std::{error::Error, path::PathBuf, time::Duration};

use clap::Args;
use tonic::transport::{Certificate, ClientTlsConfig, Endpoint};
use tonic_health::pb::{
    HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient,
};

/// `health`.
#[derive(Args)]
pub struct Health {
    /// Where the server listens
    #[arg(long, env = "MASTHEAD_ADDRESS", value_name = "URL", default_value = "http://127.0.0.1:50051")]
    address: String,
    /// The service to ask for, as grpc.health.v1 names it [default: the server as a whole]
    #[arg(long, value_name = "NAME", default_value = "", hide_default_value = true)]
    service: String,
    /// Certificate (PEM) of the authority that has signed the server's, for https
    #[arg(long, value_name = "FILE")]
    ca: Option<PathBuf>,
    /// The name in the server's certificate, if it is not that of the address
    #[arg(long, value_name = "NAME")]
    server_name: Option<String>,
    /// Seconds to wait for an answer
    #[arg(long, value_name = "SECONDS", default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=300))]
    wait_seconds: u32,
}

/// Asks; prints the status.
///
/// # Errors
/// There is no answer, or it is not SERVING.
pub async fn ask(settings: Health) -> Result<(), Box<dyn Error>> {
    let wait = Duration::from_secs(settings.wait_seconds.into());
    let mut endpoint = Endpoint::from_shared(settings.address.clone())?.connect_timeout(wait).timeout(wait);
    if let Some(file) = &settings.ca {
        let pem = std::fs::read(file).map_err(|error| format!("{}: {error}", file.display()))?;
        let mut tls = ClientTlsConfig::new().ca_certificate(Certificate::from_pem(pem));
        if let Some(name) = settings.server_name {
            tls = tls.domain_name(name);
        }
        endpoint = endpoint.tls_config(tls)?;
    }
    let away = |error: &dyn Error| format!("{} does not answer: {error}", settings.address);
    let channel = endpoint.connect().await.map_err(|error| away(&error))?;
    let request = HealthCheckRequest { service: settings.service };
    let answer = HealthClient::new(channel).check(request).await;
    let answer = answer.map_err(|status| format!("{}: {}", settings.address, status.message()))?;
    let status = answer.into_inner().status();
    println!("{}", status.as_str_name());
    if status == ServingStatus::Serving {
        Ok(())
    } else {
        Err(format!("it is {}", status.as_str_name()).into())
    }
}
