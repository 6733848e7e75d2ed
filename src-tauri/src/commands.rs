//! What the page can ask of the desk. Every refusal is a [`Problem`].

use std::sync::{Arc, Mutex, PoisonError};

use holdpoint_check::event::Decision;
use holdpoint_check::words::Service;
use holdpoint_compare::Compared;
use holdpoint_desk::capacity::Became;
use holdpoint_desk::guide::Topic;
use holdpoint_desk::view::{
    About, CheckDraft, ChecksPage, ChecksQuery, Coverage, Drill, EnvironmentForm, EnvironmentSummary,
    EnvironmentView, FieldProblem, Home, JournalPage, JournalQuery, PlanPreview, PreflightReport, Problem,
    RailwayFound, RecoveryFound, Report, RestartReport, SecretField, ServiceLog, ServicesView, Settings,
    SigningKey, StorageReport, Tidied, Trends, TrendsQuery,
};
use holdpoint_desk::{Desk, DeskError, Theme, by_hand, forms, guide, operations, rehearsal};
use tauri::State;
use tauri::async_runtime::JoinHandle;

use crate::preferences::Preferences;
use crate::shell::{self, FromOutside, LINKS};

pub(crate) type Answer<T> = Result<T, Problem>;
type Held<'a> = State<'a, Arc<Desk>>;

/// The desk's errors as they cross.
pub(crate) fn told(error: impl Into<DeskError>) -> Problem {
    error.into().0
}

/// Reading and folding a journal computes for a while, so it gets a thread of its own.
pub(crate) async fn apart<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, DeskError> + Send + 'static,
) -> Answer<T> {
    match tauri::async_runtime::spawn_blocking(work).await {
        Ok(answer) => answer.map_err(told),
        Err(error) => Err(told(
            DeskError::new("defect", "This is a defect of Holdpoint.", "Start it again.").because(error),
        )),
    }
}

/// The environments, asked for while the window is still being made: the keychain takes as long as that does.
#[derive(Debug)]
pub(crate) struct Early(Mutex<Option<JoinHandle<Vec<EnvironmentSummary>>>>);

impl Early {
    pub(crate) fn ask(desk: &Arc<Desk>) -> Self {
        let desk = desk.clone();
        let asked = tauri::async_runtime::spawn(async move { desk.environment_list().await });
        Self(Mutex::new(Some(asked)))
    }

    /// What was asked for early, once; after that as it is now.
    async fn environments(&self, desk: &Desk) -> Vec<EnvironmentSummary> {
        let early = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(early) = early
            && let Ok(environments) = early.await
        {
            return environments;
        }
        desk.environment_list().await
    }
}

#[tauri::command]
pub(crate) async fn home(
    desk: Held<'_>,
    preferences: State<'_, Preferences>,
    outside: State<'_, FromOutside>,
    early: State<'_, Early>,
) -> Answer<Home> {
    let running = desk.running().map(|current| current.check.clone());
    let newest = ChecksQuery { limit: 1, ..ChecksQuery::default() };
    let listed = desk.inner().clone();
    let without = running.as_ref().map(|check| check.number);
    let page = apart(move || Ok(listed.archive.list(&newest, without))).await?;
    let (opened, refused) = outside.take();
    Ok(Home {
        version: env!("CARGO_PKG_VERSION").into(),
        checks: page.total,
        environments: early.environments(&desk).await,
        running,
        capacity: desk.capacity.running().map(|running| running.number),
        last: page.checks.into_iter().next(),
        settings: preferences.get(),
        opened: match opened {
            Some(Became::Check(number)) => Some(number),
            _ => None,
        },
        opened_capacity: match opened {
            Some(Became::Capacity(number)) => Some(number),
            _ => None,
        },
        refused,
    })
}

#[tauri::command]
pub(crate) async fn about(desk: Held<'_>) -> Answer<About> {
    let kept = desk.inner().clone();
    let checks_bytes = apart(move || Ok(kept.archive.bytes())).await?;
    Ok(About {
        version: env!("CARGO_PKG_VERSION").into(),
        checks_folder: desk.archive.folder().display().to_string(),
        environments_folder: desk.environments.folder().display().to_string(),
        checks_bytes,
        license: env!("CARGO_PKG_LICENSE").into(),
        runbook: holdpoint_check::parameters::Parameters::default(),
        links: LINKS.iter().map(|(title, url)| ((*title).to_owned(), (*url).to_owned())).collect(),
    })
}

#[tauri::command]
pub(crate) async fn save_settings(
    app: tauri::AppHandle,
    preferences: State<'_, Preferences>,
    settings: Settings,
) -> Answer<()> {
    shell::apply_theme(&app, settings.theme);
    preferences.save(&app, settings).map_err(told)
}

#[tauri::command]
pub(crate) async fn drills() -> Answer<Vec<Drill>> {
    rehearsal::drills().await.map_err(told)
}

#[tauri::command]
pub(crate) async fn plan(desk: Held<'_>, draft: CheckDraft) -> Answer<PlanPreview> {
    desk.preview(&draft).await.map_err(told)
}

#[tauri::command]
pub(crate) async fn preflight(
    desk: Held<'_>,
    environment: String,
    simulate: bool,
) -> Answer<PreflightReport> {
    desk.preflight(&environment, simulate).await.map_err(told)
}

#[tauri::command]
pub(crate) async fn start_check(app: tauri::AppHandle, desk: Held<'_>, draft: CheckDraft) -> Answer<u32> {
    let current = desk.start_check(&draft).await.map_err(told)?;
    let number = current.check.number;
    tauri::async_runtime::spawn(shell::tell_the_end(app, current));
    Ok(number)
}

#[tauri::command]
pub(crate) async fn abort_check(desk: Held<'_>) -> Answer<()> {
    if let Some(current) = desk.running() {
        current.abort("asked for in the window");
    }
    Ok(())
}

#[tauri::command]
pub(crate) async fn checks(desk: Held<'_>, query: ChecksQuery) -> Answer<ChecksPage> {
    let running = desk.running().map(|current| current.check.number);
    let desk = desk.inner().clone();
    apart(move || Ok(desk.archive.list(&query, running))).await
}

#[tauri::command]
pub(crate) async fn report(desk: Held<'_>, number: u32, dark: bool) -> Answer<Report> {
    let desk = desk.inner().clone();
    // Without the keychain a signature is named and not verified.
    let key = desk.vault.signing_key().await.ok().flatten().map(|key| key.public());
    apart(move || desk.report(number, if dark { Theme::Dark } else { Theme::Light }, key)).await
}

#[tauri::command]
pub(crate) async fn journal(desk: Held<'_>, number: u32, query: JournalQuery) -> Answer<JournalPage> {
    let desk = desk.inner().clone();
    apart(move || desk.journal(number, &query)).await
}

#[tauri::command]
pub(crate) async fn compare(
    desk: Held<'_>,
    number: u32,
    against: String,
    noise: Option<(u32, u32)>,
) -> Answer<Compared> {
    let desk = desk.inner().clone();
    apart(move || desk.compare(number, &against, noise)).await
}

#[tauri::command]
pub(crate) async fn compare_text(
    desk: Held<'_>,
    number: u32,
    against: String,
    noise: Option<(u32, u32)>,
) -> Answer<String> {
    let desk = desk.inner().clone();
    apart(move || {
        desk.compare(number, &against, noise).map(|compared| holdpoint_compare::markdown::render(&compared))
    })
    .await
}

#[tauri::command]
pub(crate) async fn trends(desk: Held<'_>, query: TrendsQuery) -> Answer<Trends> {
    let desk = desk.inner().clone();
    apart(move || Ok(desk.trends(&query))).await
}

#[tauri::command]
pub(crate) async fn tidy(desk: Held<'_>, days: u32, remove: bool) -> Answer<Tidied> {
    let desk = desk.inner().clone();
    apart(move || desk.tidy(days, remove)).await
}

#[tauri::command]
pub(crate) async fn coverage(desk: Held<'_>, environment: String) -> Answer<Coverage> {
    let desk = desk.inner().clone();
    apart(move || Ok(desk.coverage(&environment))).await
}

#[tauri::command]
pub(crate) async fn waive(
    desk: Held<'_>,
    number: u32,
    code: String,
    criterion: String,
    name: String,
    reason: String,
    days: u32,
) -> Answer<()> {
    let waiving = desk.inner().clone();
    apart(move || waiving.waive(number, &code, &criterion, &name, &reason, days)).await?;
    sign(&desk, number).await;
    Ok(())
}

#[tauri::command]
pub(crate) async fn sign_off(
    desk: Held<'_>,
    number: u32,
    decision: Decision,
    name: String,
    role: String,
    note: String,
) -> Answer<()> {
    let deciding = desk.inner().clone();
    apart(move || deciding.sign_off(number, decision, &name, &role, &note)).await?;
    sign(&desk, number).await;
    Ok(())
}

/// Signs what was decided, where there is a key. What was decided is on record all the same.
async fn sign(desk: &Desk, number: u32) {
    if let Err(error) = desk.sign(number).await {
        tracing::warn!(%error, "the decision was not signed");
    }
}

#[tauri::command]
pub(crate) async fn guide() -> Answer<Vec<Topic>> {
    Ok(guide::topics())
}

#[tauri::command]
pub(crate) async fn signing(desk: Held<'_>) -> Answer<SigningKey> {
    Ok(desk.signing().await)
}

#[tauri::command]
pub(crate) async fn create_signing_key(desk: Held<'_>) -> Answer<SigningKey> {
    desk.vault.create_signing_key().await.map_err(told)?;
    Ok(desk.signing().await)
}

#[tauri::command]
pub(crate) async fn remove_signing_key(desk: Held<'_>) -> Answer<SigningKey> {
    desk.vault.remove_signing_key().await.map_err(told)?;
    Ok(desk.signing().await)
}

#[tauri::command]
pub(crate) async fn summary_text(desk: Held<'_>, number: u32) -> Answer<String> {
    let desk = desk.inner().clone();
    apart(move || desk.summary_text(number)).await
}

#[tauri::command]
pub(crate) async fn services(desk: Held<'_>, environment: String) -> Answer<ServicesView> {
    let (environment, secrets) = desk.resolve(&environment, None).await.map_err(told)?;
    operations::services(&environment, &secrets).await.map_err(told)
}

#[tauri::command]
pub(crate) async fn storage_test(desk: Held<'_>, environment: String) -> Answer<StorageReport> {
    let (environment, secrets) = desk.resolve(&environment, None).await.map_err(told)?;
    operations::storage_test(&environment, &secrets).await.map_err(told)
}

#[tauri::command]
pub(crate) async fn service_logs(
    desk: Held<'_>,
    environment: String,
    service: Service,
) -> Answer<Vec<ServiceLog>> {
    let (environment, secrets) = desk.resolve(&environment, None).await.map_err(told)?;
    operations::logs(&environment, &secrets, service, 200).await.map_err(told)
}

/// Refuses work by hand beside a check or a capacity run.
fn no_check(desk: &Desk) -> Answer<()> {
    if let Some(running) = desk.capacity.running() {
        return Err(told(DeskError::new(
            "capacity.running",
            format!("Capacity run {} goes on.", running.number),
            "Restart by hand when it is done: it would be measured with the restart in it.",
        )));
    }
    match desk.running() {
        None => Ok(()),
        Some(current) => Err(told(DeskError::new(
            "check.running",
            format!("Check {} is running.", current.check.number),
            "Restart by hand when it is done: a restart now would be taken for its fault.",
        ))),
    }
}

#[tauri::command]
pub(crate) async fn restart_service(
    desk: Held<'_>,
    environment: String,
    service: Service,
    typed: Option<String>,
) -> Answer<RestartReport> {
    no_check(&desk)?;
    let (environment, secrets) = desk.resolve(&environment, None).await.map_err(told)?;
    by_hand::restart(&environment, &secrets, service, typed.as_deref()).await.map_err(told)
}

#[tauri::command]
pub(crate) async fn redeploy_service(
    desk: Held<'_>,
    environment: String,
    service: Service,
    typed: Option<String>,
) -> Answer<RestartReport> {
    no_check(&desk)?;
    let (environment, secrets) = desk.resolve(&environment, None).await.map_err(told)?;
    by_hand::redeploy(&environment, &secrets, service, typed.as_deref()).await.map_err(told)
}

#[tauri::command]
pub(crate) async fn verify_recovery(desk: Held<'_>, number: u32) -> Answer<Vec<RecoveryFound>> {
    desk.verify_recovery(number).await.map_err(told)
}

#[tauri::command]
pub(crate) async fn environment(desk: Held<'_>, name: String) -> Answer<EnvironmentView> {
    desk.environment(&name).await.map_err(told)
}

#[tauri::command]
pub(crate) async fn check_environment(form: EnvironmentForm) -> Answer<Vec<FieldProblem>> {
    Ok(forms::environment(&form).err().unwrap_or_default())
}

#[tauri::command]
pub(crate) async fn save_environment(
    desk: Held<'_>,
    form: EnvironmentForm,
    previous: Option<String>,
) -> Answer<EnvironmentView> {
    desk.save_environment(&form, previous.as_deref()).await.map_err(told)
}

#[tauri::command]
pub(crate) async fn remove_environment(desk: Held<'_>, name: String) -> Answer<()> {
    desk.environments.remove(&name).map_err(told)
}

#[tauri::command]
pub(crate) async fn set_secret(
    desk: Held<'_>,
    environment: String,
    field: SecretField,
    value: String,
    session_only: bool,
) -> Answer<EnvironmentView> {
    desk.set_secret(&environment, field, value, session_only).await.map_err(told)
}

#[tauri::command]
pub(crate) async fn clear_secret(
    desk: Held<'_>,
    environment: String,
    field: SecretField,
) -> Answer<EnvironmentView> {
    desk.vault.clear(&environment, field).await.map_err(told)?;
    desk.environment(&environment).await.map_err(told)
}

#[tauri::command]
pub(crate) async fn import_railway_token(
    desk: Held<'_>,
    environment: String,
    session_only: bool,
) -> Answer<EnvironmentView> {
    desk.import_railway_token(&environment, session_only).await.map_err(told)
}

#[tauri::command]
pub(crate) async fn find_railway_ids(
    desk: Held<'_>,
    environment: String,
    form: EnvironmentForm,
) -> Answer<RailwayFound> {
    desk.find_railway_ids(&environment, &form).await.map_err(told)
}
