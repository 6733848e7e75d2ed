//! Only named environments get load: the addresses belong to a saved one, to this computer, or to a host whose name
//! was typed twice.

use holdpoint_check::environment::Environment;
use holdpoint_desk::capacity::place::belongs;
use holdpoint_load::http::Target;
use holdpoint_settings::Environments;
use url::Url;

use super::LoadOptions;
use crate::failure::Failure;

/// Refuses addresses that may get no load; answers with the saved environment they belong to, if they belong to one.
pub(super) fn check(options: &LoadOptions) -> Result<Option<Environment>, Failure> {
    let mut of = None;
    for url in &options.url {
        let host = url.host_str().unwrap_or_default();
        let confirmed = options.i_may_load.as_deref().is_some_and(|typed| typed.eq_ignore_ascii_case(host));
        let found = owner(url, options.environment.as_deref())?;
        if found.is_none() && !Target::is_loopback(url) && !confirmed {
            return Err(Failure::usage(format!(
                "{host} is neither this computer nor part of {}, so it gets no load. Save it as an environment, or, if \
                 you may load it, say so with --i-may-load {host}",
                options
                    .environment
                    .as_deref()
                    .map_or("a saved environment".into(), |name| format!("environment {name}")),
            )));
        }
        of = of.or(found);
    }
    Ok(of)
}

/// The saved environment whose API or web front has the same origin as an address.
fn owner(url: &Url, environment: Option<&str>) -> Result<Option<Environment>, Failure> {
    let store = Environments::of_account()?;
    let names = environment.map_or_else(|| store.names(), |name| vec![name.to_owned()]);
    for name in names {
        let saved = match store.load(&name) {
            Ok(saved) => saved,
            // One that was asked for has to be readable; among all of them another may match.
            Err(error) if environment.is_some() => return Err(error.into()),
            Err(_) => continue,
        };
        if belongs(url, &saved) {
            return Ok(Some(saved));
        }
    }
    Ok(None)
}
