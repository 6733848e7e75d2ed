//! Every GraphQL document this product sends. There are two mutations, and there will be no other.

pub(crate) const PROJECT_TOKEN: &str =
    "query { projectToken { projectId environmentId project { name } environment { name } } }";

pub(crate) const ME: &str = "query { me { id } }";

pub(crate) const ENVIRONMENT: &str = "query ($id: String!, $after: String) { environment(id: $id) { id name projectId \
    serviceInstances(first: 100, after: $after) { edges { node { serviceId serviceName \
    latestDeployment { id status deploymentStopped createdAt } \
    activeDeployments { id status deploymentStopped createdAt } } } pageInfo { hasNextPage endCursor } } } }";

pub(crate) const DEPLOYMENT: &str = "query ($id: String!) { deployment(id: $id) { id status deploymentStopped \
    createdAt projectId environmentId serviceId } }";

pub(crate) const LOGS: &str = "query ($id: String!, $limit: Int, $start: DateTime, $end: DateTime) { \
    deploymentLogs(deploymentId: $id, limit: $limit, startDate: $start, endDate: $end) { timestamp message severity } }";

pub(crate) const RESTART: &str = "mutation ($id: String!) { deploymentRestart(id: $id) }";

pub(crate) const REDEPLOY: &str = "mutation ($serviceId: String!, $environmentId: String!) { \
    serviceInstanceRedeploy(serviceId: $serviceId, environmentId: $environmentId) }";

#[cfg(test)]
mod tests {
    #[test]
    fn there_are_exactly_two_mutations() {
        let source = include_str!("documents.rs");
        let mutations = source.lines().filter(|line| line.contains("= \"mutation ")).count();
        assert_eq!(mutations, 2);
    }
}
