//! TLS to an engine: whom to trust, and who the user is, out of docker's three files.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// Where the certificates are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Material {
    /// The directory of `ca.pem`, `cert.pem` and `key.pem`.
    pub(super) directory: PathBuf,
    /// Whether `ca.pem` must be there; otherwise the system's authorities stand in for it.
    pub(super) needs_authority: bool,
    /// Whether anybody may answer: `DOCKER_TLS` without `DOCKER_TLS_VERIFY`, or a context that says so.
    pub(super) skips_verification: bool,
}

/// Reads the files.
pub(super) fn config(material: &Material) -> std::io::Result<Arc<ClientConfig>> {
    let Material { directory, needs_authority, skips_verification } = material;
    let file = |name: &str| directory.join(name);
    let provider = Arc::new(ring::default_provider());
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider));
    let builder = builder.with_safe_default_protocol_versions().map_err(std::io::Error::other)?;
    let builder = if *skips_verification {
        builder.dangerous().with_custom_certificate_verifier(Arc::new(Anybody(provider)))
    } else {
        let mut roots = RootCertStore::empty();
        let own = file("ca.pem");
        if *needs_authority || own.is_file() {
            for certificate in certificates(&own)? {
                roots.add(certificate).map_err(|error| named(&own, error))?;
            }
        } else {
            roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        }
        let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider);
        builder.with_webpki_verifier(verifier.build().map_err(|error| named(&own, error))?)
    };
    let (certificate, key) = (file("cert.pem"), file("key.pem"));
    let mut config = if certificate.is_file() && key.is_file() {
        let own_key = PrivateKeyDer::from_pem_file(&key).map_err(|error| named(&key, error))?;
        let chain = certificates(&certificate)?;
        builder.with_client_auth_cert(chain, own_key).map_err(|error| named(&certificate, error))?
    } else {
        builder.with_no_client_auth()
    };
    // As docker has it: some proxies in front of engines ask for the user's certificate and choke on a session that is
    // resumed without it.
    config.resumption = rustls::client::Resumption::disabled();
    Ok(Arc::new(config))
}

/// Connects to a host and port.
pub(super) async fn connect(host: &str, config: &Arc<ClientConfig>) -> std::io::Result<TlsStream<TcpStream>> {
    let name = host.rsplit_once(':').map_or(host, |(name, _)| name).trim_matches(['[', ']']);
    let name = ServerName::try_from(name.to_owned()).map_err(std::io::Error::other)?;
    let stream = TcpStream::connect(host).await?;
    TlsConnector::from(Arc::clone(config)).connect(name, stream).await
}

fn certificates(path: &Path) -> std::io::Result<Vec<CertificateDer<'static>>> {
    let read = CertificateDer::pem_file_iter(path).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    match read {
        Ok(found) if found.is_empty() => Err(named(path, "it holds no certificate")),
        read => read.map_err(|error| named(path, error)),
    }
}

fn named(path: &Path, error: impl std::fmt::Display) -> std::io::Error {
    std::io::Error::other(format!("{}: {error}", path.display()))
}

/// Takes any certificate, but a signature that fits it.
#[derive(Debug)]
struct Anybody(Arc<CryptoProvider>);

impl ServerCertVerifier for Anybody {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, certificate, signed, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, certificate, signed, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
