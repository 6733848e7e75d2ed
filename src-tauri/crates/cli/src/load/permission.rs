//! Only named environments get load: the addresses belong to a saved one, to this computer, or to a host whose name
//! was typed twice.

use holdpoint_load::http::Target;
use holdpoint_settings::Environments;
use url::{Origin, Url};

use super::LoadOptions;
use crate::failure::Failure;

pub(super) fn check(options: &LoadOptions) -> Result<(), Failure> {
    for url in &options.url {
        let host = url.host_str().unwrap_or_default();
        let confirmed = options.i_may_load.as_deref().is_some_and(|typed| typed.eq_ignore_ascii_case(host));
        if Target::is_loopback(url) || confirmed || belongs(url, options.environment.as_deref())? {
            continue;
        }
        return Err(Failure::usage(format!(
            "{host} is neither this computer nor part of {}, so it gets no load. Save it as an environment, or, if you \
             may load it, say so with --i-may-load {host}",
            options
                .environment
                .as_deref()
                .map_or("a saved environment".into(), |name| format!("environment {name}")),
        )));
    }
    Ok(())
}

/// Whether an address is of the same origin as the API or the web front of a saved environment.
fn belongs(url: &Url, environment: Option<&str>) -> Result<bool, Failure> {
    let store = Environments::of_account()?;
    let names = environment.map_or_else(|| store.names(), |name| vec![name.to_owned()]);
    let origin = origin(url);
    for name in names {
        let saved = match store.load(&name) {
            Ok(saved) => saved,
            // One that was asked for has to be readable; among all of them another may match.
            Err(error) if environment.is_some() => return Err(error.into()),
            Err(_) => continue,
        };
        if [&saved.api_url, &saved.web_url].into_iter().any(|known| self::origin(known) == origin) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The origin; that of a WebSocket is the one of the page it belongs to.
fn origin(url: &Url) -> Origin {
    let text = url.as_str();
    let as_page = text.strip_prefix("ws").and_then(|rest| Url::parse(&format!("http{rest}")).ok());
    as_page.as_ref().unwrap_or(url).origin()
}
