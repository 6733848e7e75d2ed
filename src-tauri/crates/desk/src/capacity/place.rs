//! Where load may go: to this computer, and to the API and the web front of a named environment. Nowhere else, whatever is
//! typed.

use holdpoint_check::environment::{Environment, Kind, is_loopback};
use url::{Origin, Url};

/// Whether an address is of the same origin as the API or the web front of an environment.
pub fn belongs(url: &Url, environment: &Environment) -> bool {
    let wanted = origin(url);
    [&environment.api_url, &environment.web_url].into_iter().any(|known| origin(known) == wanted)
}

/// Whether the window may load an address in the name of an environment.
pub(super) fn may_load(url: &Url, environment: &Environment) -> bool {
    match environment.kind {
        Kind::Rehearsal => is_loopback(url),
        Kind::Staging => belongs(url, environment),
    }
}

/// The origin; that of a WebSocket is the one of the page it belongs to.
fn origin(url: &Url) -> Origin {
    let text = url.as_str();
    let as_page = text.strip_prefix("ws").and_then(|rest| Url::parse(&format!("http{rest}")).ok());
    as_page.as_ref().unwrap_or(url).origin()
}

/// An origin as people read it: `https://api.example.org`.
pub fn shown(url: &Url) -> String {
    url.origin().ascii_serialization()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> Url {
        text.parse().unwrap()
    }

    #[test]
    fn staging_gets_load_at_its_own_origins_only() {
        let staging = Environment::staging();
        let api = staging.api_url.clone();
        for good in [api.join("/health").unwrap(), staging.web_url.clone()] {
            assert!(may_load(&good, &staging), "{good}");
        }
        let host = api.host_str().unwrap();
        for wrong in [
            format!("http://{host}/health"),
            format!("https://{host}:8443/health"),
            format!("https://{host}.example.org/"),
            format!("https://{host}@example.org/"),
            "https://example.org/".to_owned(),
            "http://127.0.0.1:8000/".to_owned(),
            staging.storage.url.to_string(),
        ] {
            assert!(!may_load(&url(&wrong), &staging), "{wrong}");
        }
    }

    #[test]
    fn a_rehearsal_gets_load_on_this_computer_only() {
        let rehearsal = Environment {
            kind: Kind::Rehearsal,
            api_url: url("http://127.0.0.1:8000"),
            web_url: url("http://127.0.0.1:8001"),
            ..Environment::staging()
        };
        assert!(may_load(&url("http://127.0.0.1:9/x"), &rehearsal));
        assert!(may_load(&url("http://localhost:8000/"), &rehearsal));
        assert!(!may_load(&url("http://example.org/"), &rehearsal));
        assert!(!may_load(&url("http://127.0.0.1.example.org/"), &rehearsal));
    }
}
