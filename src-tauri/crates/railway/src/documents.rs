//! Every GraphQL document this product sends. There are two mutations, and there will be no other.

pub(crate) const PROJECT_TOKEN: &str =
    "query { projectToken { projectId environmentId project { name } environment { name } } }";

pub(crate) const ME: &str = "query { me { id } }";

pub(crate) const API_TOKEN: &str = "query { apiToken { workspaces { id } } }";

pub(crate) const ENVIRONMENT: &str = "query ($id: String!, $after: String) { environment(id: $id) { id name projectId \
    serviceInstances(first: 100, after: $after) { edges { node { serviceId serviceName \
    latestDeployment { id status deploymentStopped createdAt } \
    activeDeployments { id status deploymentStopped createdAt instances { status } } } } pageInfo { hasNextPage endCursor } } } }";

pub(crate) const PROJECT: &str = "query ($id: String!) { project(id: $id) { id primaryEnvironmentId } }";

pub(crate) const DEPLOYMENT: &str = "query ($id: String!) { deployment(id: $id) { id status deploymentStopped \
    createdAt projectId environmentId serviceId } }";

pub(crate) const LOGS: &str = "query ($id: String!, $limit: Int, $start: DateTime, $end: DateTime) { \
    deploymentLogs(deploymentId: $id, limit: $limit, startDate: $start, endDate: $end) { timestamp message severity } }";

pub(crate) const RESTART: &str = "mutation ($id: String!) { deploymentRestart(id: $id) }";

pub(crate) const REDEPLOY: &str = "mutation ($serviceId: String!, $environmentId: String!) { \
    serviceInstanceRedeploy(serviceId: $serviceId, environmentId: $environmentId) }";

#[cfg(test)]
mod tests {
    use std::path::Path;

    /// The fields of every mutation in the sources, wherever a document may stand.
    fn mutations() -> Vec<String> {
        let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
        let files = std::fs::read_dir(sources).unwrap().map(|file| file.unwrap().path());
        let mut found = Vec::new();
        for file in files.filter(|path| path.extension().is_some_and(|extension| extension == "rs")) {
            let text = std::fs::read_to_string(file).unwrap();
            for part in text.split(concat!("\"mut", "ation")).skip(1) {
                let body = part.split_once('{').unwrap().1;
                let name = body.trim_start_matches(|c: char| !c.is_alphanumeric());
                found.push(name.chars().take_while(|c| c.is_alphanumeric()).collect());
            }
        }
        found
    }

    #[test]
    fn only_the_two_mutations_exist() {
        assert_eq!(mutations(), ["deploymentRestart", "serviceInstanceRedeploy"]);
    }
}
