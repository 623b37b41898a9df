//! TLS to upstreams: one client configuration for the whole process, built at the first `https` connection.
//!
//! Reading the platform's roots takes tens of milliseconds, which start-up does not have.

use super::stream::Stream;
use rustls::client::Resumption;
use rustls::crypto::ring;
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, ServerName};
use std::io;
use std::path::Path;
use std::sync::Arc;
use tokio::sync::OnceCell;
use tokio_rustls::TlsConnector;
use wharf_core::host::{HttpVersion, TransportError};

/// How many upstream hosts' session tickets are kept.
const SESSIONS: usize = 1024;

/// The process's TLS client: shared by all workers, and with it the session tickets.
pub struct Tls {
    extra: Vec<CertificateDer<'static>>,
    configs: OnceCell<Configs>,
}

/// The same configuration with each choice of ALPN; verifier and session store are shared between them.
struct Configs {
    auto: Arc<ClientConfig>,
    http1: Arc<ClientConfig>,
    http2: Arc<ClientConfig>,
}

impl Tls {
    /// Trusts the platform's roots, and `extra`.
    pub fn new(extra: Vec<CertificateDer<'static>>) -> Self {
        Self { extra, configs: OnceCell::new() }
    }

    /// Certificates from a PEM file, to be trusted besides the platform's.
    ///
    /// # Errors
    /// The file can't be read, is not PEM, or holds no certificate.
    pub fn read_ca_file(path: &Path) -> io::Result<Vec<CertificateDer<'static>>> {
        let pem = std::fs::read(path)?;
        let roots = CertificateDer::pem_slice_iter(&pem)
            .collect::<Result<Vec<_>, _>>()
            .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error.to_string()))?;
        if roots.is_empty() {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "no certificate in it"));
        }
        Ok(roots)
    }

    /// Shakes hands with `host`, which may be an address; `version` decides what ALPN offers.
    pub(super) async fn connect(
        &self,
        stream: Stream,
        host: &str,
        version: HttpVersion,
    ) -> Result<Stream, TransportError> {
        let configs = self.configs.get_or_try_init(|| self.load()).await?;
        let config = match version {
            HttpVersion::Auto => &configs.auto,
            HttpVersion::Http1 => &configs.http1,
            HttpVersion::Http2 => &configs.http2,
        };
        let name = ServerName::try_from(host.to_owned()).map_err(|_| TransportError::Tls)?;
        let connected = TlsConnector::from(Arc::clone(config)).connect(name, stream).await;
        connected.map(|tls| Stream::Tls(Box::new(tls))).map_err(|error| {
            tracing::debug!(host, %error, "TLS handshake failed");
            TransportError::Tls
        })
    }

    async fn load(&self) -> Result<Configs, TransportError> {
        // The files are read on the blocking pool: a worker has other requests meanwhile.
        let found = tokio::task::spawn_blocking(rustls_native_certs::load_native_certs).await;
        let native = found.map_err(|_| TransportError::Tls)?;
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(native.certs);
        roots.add_parsable_certificates(self.extra.iter().cloned());
        if roots.is_empty() {
            tracing::warn!(errors = ?native.errors, "no root certificates: every TLS handshake will fail");
        }
        configs(roots).map_err(|_| TransportError::Tls)
    }
}

fn configs(roots: RootCertStore) -> Result<Configs, rustls::Error> {
    let mut base = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    base.resumption = Resumption::in_memory_sessions(SESSIONS);
    let with = |protocols: &[&[u8]]| {
        let mut config = base.clone();
        config.alpn_protocols = protocols.iter().map(|name| name.to_vec()).collect();
        Arc::new(config)
    };
    Ok(Configs { auto: with(&[b"http/1.1", b"h2"]), http1: with(&[b"http/1.1"]), http2: with(&[b"h2"]) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ca_file_without_a_certificate_is_an_error() {
        let path = std::env::temp_dir().join(format!("wharf-ca-{}.pem", std::process::id()));
        std::fs::write(&path, "not PEM").unwrap();
        assert_eq!(Tls::read_ca_file(&path).unwrap_err().kind(), io::ErrorKind::InvalidData);
        std::fs::write(&path, "-----BEGIN CERTIFICATE-----\n!!\n-----END CERTIFICATE-----\n").unwrap();
        assert_eq!(Tls::read_ca_file(&path).unwrap_err().kind(), io::ErrorKind::InvalidData);
        std::fs::remove_file(&path).unwrap();
        assert_eq!(Tls::read_ca_file(&path).unwrap_err().kind(), io::ErrorKind::NotFound);
    }
}
