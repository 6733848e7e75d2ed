//! TLS by rustls, with the certificate authorities of the system.

use std::sync::Arc;

use rustls::ClientConfig;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls_platform_verifier::{BuilderVerifierExt as _, Verifier};
use url::Host;

use super::target::{Kind, Options, TargetError, Version};

pub(super) fn client(
    host: &Host<String>,
    options: &Options,
) -> Result<(Arc<ClientConfig>, ServerName<'static>), TargetError> {
    let wrong = |error: rustls::Error| TargetError::Tls(error.to_string());
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(wrong)?;
    let mut config = match &options.authorities {
        None => builder.with_platform_verifier().map_err(wrong)?.with_no_client_auth(),
        Some(file) => {
            let unreadable = |error| TargetError::Tls(format!("{}: {error}", file.display()));
            let extra: Vec<CertificateDer<'static>> =
                CertificateDer::pem_file_iter(file).and_then(Iterator::collect).map_err(unreadable)?;
            let verifier = Verifier::new_with_extra_roots(extra, provider).map_err(wrong)?;
            builder.dangerous().with_custom_certificate_verifier(Arc::new(verifier)).with_no_client_auth()
        }
    };
    let (one, two) = (b"http/1.1".to_vec(), b"h2".to_vec());
    config.alpn_protocols = match (&options.kind, options.version) {
        (Kind::Message(_), _) | (_, Version::Http1) => vec![one],
        (_, Version::Http2) => vec![two],
        (_, Version::Auto) => vec![two, one],
    };
    let name = match host {
        Host::Domain(name) => ServerName::try_from(name.clone())
            .map_err(|error| TargetError::Tls(format!("{name}: {error}")))?,
        Host::Ipv4(address) => ServerName::from(std::net::IpAddr::V4(*address)),
        Host::Ipv6(address) => ServerName::from(std::net::IpAddr::V6(*address)),
    };
    Ok((Arc::new(config), name))
}
