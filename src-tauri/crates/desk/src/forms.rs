//! Environments as forms: every value is text as typed, and every problem is told at its field.

use std::str::FromStr as _;

use holdpoint_check::environment::{
    Environment, EnvironmentError, FORMAT, Kind, RailwayTarget, StorageTarget,
};
use url::Url;

use crate::planning::usual_parameters;
use crate::view::{EnvironmentForm, FieldProblem, RailwayForm};

/// The form of an environment.
pub fn form(environment: &Environment) -> EnvironmentForm {
    EnvironmentForm {
        name: environment.name.clone(),
        api_url: bare(&environment.api_url),
        web_url: bare(&environment.web_url),
        storage_url: bare(&environment.storage.url),
        bucket: environment.storage.bucket.clone(),
        region: environment.storage.region.clone(),
        expected_environment: environment.expected_environment.clone(),
        railway: environment.railway.as_ref().map(|railway| RailwayForm {
            url: bare(&railway.url),
            project_id: railway.project_id.clone(),
            environment_id: railway.environment_id.clone(),
            services: railway.services.clone(),
            deny: railway.deny.clone(),
        }),
        quiet_hours: environment.quiet_hours.clone(),
        parameters: usual_parameters(environment),
    }
}

/// An address without the slash that only the parser adds.
fn bare(url: &Url) -> String {
    let text = url.as_str();
    if url.path() == "/" { text.trim_end_matches('/').to_owned() } else { text.to_owned() }
}

/// The environment of a form, or every problem of it.
pub fn environment(form: &EnvironmentForm) -> Result<Environment, Vec<FieldProblem>> {
    let mut problems = Vec::new();
    let mut address = |field: &str, text: &str| match Url::from_str(text.trim()) {
        Ok(url) => Some(url),
        Err(_) => {
            let text = text.trim();
            let message = if text.is_empty() {
                "An address is needed here.".to_owned()
            } else if text.contains("://") {
                "This is not an address.".to_owned()
            } else {
                format!("An address starts with https://. Did you mean https://{text}?")
            };
            problems.push(FieldProblem { field: field.into(), message });
            None
        }
    };
    let api_url = address("api_url", &form.api_url);
    let web_url = address("web_url", &form.web_url);
    let storage_url = address("storage_url", &form.storage_url);
    let railway_url = form.railway.as_ref().map(|railway| address("railway.url", &railway.url));
    if let (Some(api_url), Some(web_url), Some(storage_url), None | Some(Some(_))) =
        (api_url, web_url, storage_url, &railway_url)
    {
        let environment = Environment {
            holdpoint_environment: FORMAT,
            name: form.name.trim().to_owned(),
            kind: Kind::Staging,
            expected_environment: form.expected_environment.trim().to_owned(),
            api_url,
            web_url,
            storage: StorageTarget {
                url: storage_url,
                bucket: form.bucket.trim().to_owned(),
                region: form.region.trim().to_owned(),
            },
            railway: form.railway.as_ref().zip(railway_url.flatten()).map(|(railway, url)| RailwayTarget {
                url,
                project_id: railway.project_id.trim().to_owned(),
                environment_id: railway.environment_id.trim().to_owned(),
                services: railway
                    .services
                    .iter()
                    .filter(|(_, id)| !id.trim().is_empty())
                    .map(|(service, id)| (*service, id.trim().to_owned()))
                    .collect(),
                deny: railway
                    .deny
                    .iter()
                    .map(|id| id.trim().to_owned())
                    .filter(|id| !id.is_empty())
                    .collect(),
            }),
            quiet_hours: form.quiet_hours.clone(),
            parameters: form.parameters.clone(),
        };
        match environment.validate() {
            Ok(()) if problems.is_empty() => return Ok(environment),
            Ok(()) => {}
            Err(EnvironmentError::Field { field, problem }) => problems.push(FieldProblem {
                field: field.replace("storage.url", "storage_url").replace("storage.bucket", "bucket"),
                message: problem,
            }),
            Err(other) => problems.push(FieldProblem { field: "name".into(), message: other.to_string() }),
        }
    }
    Err(problems)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_comes_back_as_its_environment() {
        let staging = Environment::staging();
        assert_eq!(environment(&form(&staging)).unwrap(), staging);
    }

    #[test]
    fn every_problem_is_told_at_its_field() {
        let mut form = form(&Environment::staging());
        form.api_url = "api.example.org".into();
        form.web_url = String::new();
        let problems = environment(&form).unwrap_err();
        assert_eq!(
            problems.iter().map(|problem| problem.field.as_str()).collect::<Vec<_>>(),
            ["api_url", "web_url"]
        );
        assert!(problems[0].message.contains("https://api.example.org?"), "{problems:?}");
    }

    #[test]
    fn a_plain_address_is_refused_at_its_field() {
        let mut form = form(&Environment::staging());
        form.storage_url = "http://minio.example.org".into();
        assert_eq!(environment(&form).unwrap_err()[0].field, "storage_url");
    }
}
