//! TLS towards clients: a certificate chain and a key become an acceptor that offers HTTP/2 and HTTP/1.1.

use rustls::ServerConfig;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use std::sync::Arc;
use tokio_rustls::TlsAcceptor;
use wharf_core::config::TlsFiles;

/// An acceptor from two PEM files.
///
/// # Errors
/// A sentence that names the file.
pub fn acceptor(files: &TlsFiles) -> Result<TlsAcceptor, String> {
    let certificates: Result<Vec<_>, _> = CertificateDer::pem_file_iter(&files.cert)
        .map_err(|e| format!("tls certificate {}: {e}", files.cert))?
        .collect();
    let certificates = certificates.map_err(|e| format!("tls certificate {}: {e}", files.cert))?;
    let key = PrivateKeyDer::from_pem_file(&files.key).map_err(|e| format!("tls key {}: {e}", files.key))?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .and_then(|builder| builder.with_no_client_auth().with_single_cert(certificates, key))
        .map_err(|e| format!("tls: {e}"))?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
}
