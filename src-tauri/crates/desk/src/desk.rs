//! Everything one program at a desk holds: environments, secrets, the rehearsal, the running check, the saved ones.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use chrono::{SecondsFormat, Utc};
use holdpoint_check::environment::{Environment, Kind, Secrets};
use holdpoint_check::event::{Decision, Event, Waiver};
use holdpoint_check::journal;
use holdpoint_check::parameters::Gate;
use holdpoint_check::plan::{ChaosIntent, Plan};
use holdpoint_check::run::{self, Abort, JOURNAL_FILE};
use holdpoint_check::words::Service;
use holdpoint_compare::{BAND_PCT, Baseline, Compared};
use holdpoint_report::attestation::PublicKey;
use holdpoint_report::charts::Theme;
use holdpoint_settings::Environments;
use tokio::sync::broadcast::error::RecvError;
use tokio_util::sync::CancellationToken;

use crate::archive::{Archive, Opened};
use crate::comparing::Shelf;
use crate::error::DeskError;
use crate::live::{LiveFold, Sent};
use crate::rehearsal::{self, Manner, Rehearsal};
use crate::vault::Vault;
use crate::view::{
    CheckDraft, CheckSummary, ChecksQuery, Coverage, EnvironmentForm, EnvironmentSummary, EnvironmentView,
    ExportFormat, JournalLine, JournalPage, JournalQuery, Live, NameToConfirm, NamedId, PlanPreview,
    PreflightReport, RailwayFound, RailwayService, RecoveryFound, Report, RunningCheck, SecretField,
    SigningKey, Tidied, Trends, TrendsQuery, VerdictFilter,
};
use crate::{
    capacity, clients, comparing, decisions, forms, lines, planning, recovery, report, saving, ticking,
    trends,
};

/// The desk.
#[derive(Debug)]
pub struct Desk {
    /// Saved checks.
    pub archive: Archive,
    /// Saved environments.
    pub environments: Environments,
    /// Secrets.
    pub vault: Vault,
    /// Capacity runs.
    pub capacity: capacity::Runs,
    rehearsal: tokio::sync::Mutex<Option<(Manner, Rehearsal)>>,
    current: Mutex<Option<Arc<Current>>>,
    /// Held while a check or a capacity run is being started, so that two clicks start one.
    pub(crate) starting: tokio::sync::Mutex<()>,
}

/// A check that runs, or that ran last.
#[derive(Debug)]
pub struct Current {
    /// What the frame shows of it.
    pub check: RunningCheck,
    live: Mutex<LiveFold>,
    abort: Abort,
    started: Instant,
    /// Cancelled when its reports are saved.
    over: CancellationToken,
}

impl Current {
    /// Whether it still runs or is being saved.
    pub fn runs(&self) -> bool {
        !self.over.is_cancelled()
    }

    /// Ends the load at once; touched services are waited for. `reason` says who wants it.
    pub fn abort(&self, reason: &str) {
        self.live().stopping();
        self.abort.request(reason);
    }

    /// Becomes ready when its reports are saved.
    pub async fn over(&self) {
        self.over.cancelled().await;
    }

    /// Sends everything so far, then what is new, until the check is over or the watcher is gone.
    pub async fn watch(&self, send: impl FnMut(Live) -> bool) {
        let mut sent = Sent::default();
        let next = || {
            let elapsed = u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX);
            let live = self.live();
            (live.message(&mut sent, elapsed), live.is_over())
        };
        ticking::watch(next, send).await;
    }

    fn live(&self) -> std::sync::MutexGuard<'_, LiveFold> {
        self.live.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Desk {
    /// The desk of this account.
    pub fn of_account() -> Result<Self, DeskError> {
        Ok(Self::new(Archive::of_account()?, Environments::of_account()?))
    }

    /// A desk over given folders.
    pub fn new(archive: Archive, environments: Environments) -> Self {
        Self {
            capacity: capacity::Runs::beside(archive.folder()),
            archive,
            environments,
            vault: Vault::default(),
            rehearsal: tokio::sync::Mutex::default(),
            current: Mutex::default(),
            starting: tokio::sync::Mutex::default(),
        }
    }

    /// The check that runs now.
    pub fn running(&self) -> Option<Arc<Current>> {
        self.latest().filter(|current| current.runs())
    }

    /// The check that runs, or that ran last.
    pub fn latest(&self) -> Option<Arc<Current>> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// An environment with its secrets; the rehearsal is started where it is meant.
    pub async fn resolve(
        &self,
        name: &str,
        drill: Option<&str>,
    ) -> Result<(Environment, Secrets), DeskError> {
        if name != rehearsal::NAME {
            let environment = self.environments.load(name)?;
            let secrets = self.vault.secrets(&environment.name).await;
            return Ok((environment, secrets));
        }
        let wanted = match drill {
            None | Some("healthy") => Manner::Profile("healthy".into()),
            Some(profile @ ("g1" | "g2" | "restless")) => Manner::Profile(profile.into()),
            Some(drill) => Manner::Drill(drill.into()),
        };
        let mut slot = self.rehearsal.lock().await;
        if let Some((manner, up)) = slot.as_mut()
            && *manner == wanted
            && up.runs()
        {
            return Ok((up.environment.clone(), up.secrets.clone()));
        }
        if let Some((_, old)) = slot.take() {
            old.stop().await;
        }
        let up = Rehearsal::start(&wanted, false).await?;
        let found = (up.environment.clone(), up.secrets.clone());
        *slot = Some((wanted, up));
        Ok(found)
    }

    /// Ends the rehearsal, if one is up.
    pub async fn stop_rehearsal(&self) {
        if let Some((_, up)) = self.rehearsal.lock().await.take() {
            up.stop().await;
        }
    }

    async fn plan_of(&self, draft: &CheckDraft) -> Result<(Plan, Secrets), DeskError> {
        let (environment, secrets) = self.resolve(&draft.environment, draft.drill.as_deref()).await?;
        let plan = planning::plan(draft, environment, secrets.railway_token.is_some());
        Ok((plan, secrets))
    }

    /// What a draft comes to.
    pub async fn preview(&self, draft: &CheckDraft) -> Result<PlanPreview, DeskError> {
        let (plan, _) = self.plan_of(draft).await?;
        Ok(planning::preview(&plan, &self.archive))
    }

    /// Asks an environment whether a check can start.
    pub async fn preflight(&self, name: &str, simulate: bool) -> Result<PreflightReport, DeskError> {
        let draft = CheckDraft {
            environment: name.to_owned(),
            drill: None,
            tests: holdpoint_check::words::TestId::ALL.to_vec(),
            parameters: None,
            simulate,
            confirmed: Vec::new(),
            confirmed_name: None,
        };
        let (plan, secrets) = self.plan_of(&draft).await?;
        let found = run::preflight_rows(plan, &secrets).await.map_err(|error| {
            DeskError::new(
                "preflight.failed",
                "The environment could not be asked.",
                "Look at its addresses.",
            )
            .because(error)
        })?;
        let ready = !found.rows.iter().any(|row| row.state.blocks());
        let name_to_confirm = found.name_to_confirm.map(|wanted| NameToConfirm {
            name: wanted.name,
            project: wanted.project.unwrap_or_default(),
            why: wanted.why,
        });
        Ok(PreflightReport { asked_at: now(), rows: found.rows, ready, name_to_confirm })
    }

    /// Starts a check; one runs at a time.
    pub async fn start_check(self: &Arc<Self>, draft: &CheckDraft) -> Result<Arc<Current>, DeskError> {
        let _one = self.starting.lock().await;
        if let Some(current) = self.running() {
            return Err(DeskError::new(
                "check.running",
                format!("Check {} is running.", current.check.number),
                "Wait until it has ended, or abort it.",
            ));
        }
        if let Some(run) = self.capacity.running() {
            return Err(capacity::runs_now(&run));
        }
        let (plan, secrets) = self.plan_of(draft).await?;
        planning::admit(draft, &plan)?;
        let (number, folder) = self.archive.next()?;
        let last = planning::last_like(&plan, &self.archive);
        let estimates = planning::estimates(&plan, last.as_ref(), &self.archive);
        let check = RunningCheck {
            number,
            environment: plan.environment.name.clone(),
            chaos: plan.chaos,
            tests: plan.suite.tests(),
        };
        // Held until it is known as the running one: whoever lists checks meanwhile would take it for one that was cut off.
        let mut running = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        let started = match run::start(plan, &secrets, &folder) {
            Ok(started) => started,
            Err(error) => {
                // Nothing was recorded: an empty folder would look like a lost check.
                let _ = std::fs::remove_dir_all(&folder);
                return Err(error.into());
            }
        };
        let current = Arc::new(Current {
            check,
            live: Mutex::new(LiveFold::new(number, estimates)),
            abort: started.abort.clone(),
            started: Instant::now(),
            over: CancellationToken::new(),
        });
        *running = Some(current.clone());
        drop(running);
        tokio::spawn(follow(self.clone(), current.clone(), started, folder));
        Ok(current)
    }

    /// Refuses the check that still runs: half a journal would read as one that was cut off.
    fn ended(&self, number: u32) -> Result<(), DeskError> {
        match self.running() {
            Some(current) if current.check.number == number => Err(DeskError::new(
                "check.not_ended",
                format!("Check {number} is still running, so there is no report of it yet."),
                "Wait until it has ended, or abort it.",
            )),
            _ => Ok(()),
        }
    }

    /// Opens a saved check. `key` is the one that signs here; a signature of another one is named and not verified.
    pub fn report(&self, number: u32, theme: Theme, key: Option<PublicKey>) -> Result<Report, DeskError> {
        self.ended(number)?;
        let folder = self.archive.folder_of(number)?;
        let summary = self.archive.summary(number)?;
        let place = folder.display().to_string();
        Ok(match self.archive.open(number)? {
            Opened::Ours(both) => {
                let (results, verdict) = *both;
                let earlier = self.earlier(&summary);
                Report {
                    integrity: decisions::integrity(&folder, key),
                    ..report::of_check(summary, place, &results, verdict, theme, &earlier)
                }
            }
            Opened::Foreign(file) => report::of_foreign(summary, place, &file),
        })
    }

    /// Compares a check with another: by its number, with the last GO, or with a median. `noise` are two checks of one and
    /// the same build.
    pub fn compare(
        &self,
        number: u32,
        against: &str,
        noise: Option<(u32, u32)>,
    ) -> Result<Compared, DeskError> {
        self.ended(number)?;
        let asked: Baseline = against.parse().map_err(|problem: String| {
            DeskError::new("baseline.unknown", "Nothing was compared.", "").because(problem)
        })?;
        let known =
            |number: u32| comparing::read(&format!("check {number}"), &self.archive.folder_of(number)?);
        let now = known(number)?;
        let before = comparing::baseline(&now, &asked, &self.shelf(number, &asked)?)?;
        let noise = match noise {
            Some((one, two)) => Some((known(one)?, known(two)?)),
            None => None,
        };
        comparing::side_by_side(&before, &now, noise.as_ref(), BAND_PCT)
    }

    /// The saved checks in which the baseline of a check can be, the newest first. Of a median and of the last GO only those
    /// of its environment that the index knows to be one.
    fn shelf(&self, number: u32, asked: &Baseline) -> Result<Shelf, DeskError> {
        let place = |number: u32| -> Result<(String, PathBuf), DeskError> {
            Ok((format!("check {number}"), self.archive.folder_of(number)?))
        };
        if let Baseline::Pinned(name) = asked {
            return match name.parse() {
                Ok(number) => Ok(vec![place(number)?]),
                Err(_) => Err(DeskError::new(
                    "baseline.unknown",
                    format!("There is no check {name} to compare with."),
                    "Name a check by its number, or compare with the last GO or the median of some.",
                )),
            };
        }
        let summary = self.archive.summary(number)?;
        let running = self.running().map(|current| current.check.number);
        let mut shelf = Vec::new();
        let query = ChecksQuery {
            limit: 200,
            environment: Some(summary.environment),
            verdict: (*asked == Baseline::LastGo).then_some(VerdictFilter::Go),
            ..ChecksQuery::default()
        };
        for check in self.archive.list(&query, running).checks {
            if check.number != number {
                shelf.push(place(check.number)?);
            }
        }
        Ok(shelf)
    }

    /// Compares a check that has just ended with the baseline of its plan, where it asks for that.
    fn gate(&self, number: u32) -> Result<(), DeskError> {
        let folder = self.archive.folder_of(number)?;
        let label = format!("check {number}");
        let plan = comparing::read(&label, &folder)?.both.0.plan.parameters.regression.clone();
        if plan.gate == Gate::Off {
            return Ok(());
        }
        // Without a shelf there is no baseline, which is then on record as what it is.
        let asked = plan.baseline.parse::<Baseline>().ok();
        let shelf = asked.and_then(|asked| self.shelf(number, &asked).ok()).unwrap_or_default();
        comparing::gate(&label, &folder, &shelf).map(drop)
    }

    /// Checks over time.
    pub fn trends(&self, query: &TrendsQuery) -> Trends {
        let running = self.running().map(|current| current.check.number);
        let asked = self.archive.indexed(running, |index| {
            let environment = query.environment.as_deref();
            Ok((
                index.remembered(query)?,
                index.values("version", environment)?,
                index.values("scope", environment)?,
            ))
        });
        let ((matching, checks), versions, suites) = asked.unwrap_or_default();
        Trends {
            matching,
            p95: trends::p95(&checks),
            findings: trends::findings(&checks),
            checks: checks.into_iter().map(|(check, _)| check).collect(),
            versions,
            suites,
        }
    }

    /// Checks older than so many days, but for the last GO of each environment: how many, and removes them where `remove`
    /// says so. Nothing is ever removed by itself.
    pub fn tidy(&self, days: u32, remove: bool) -> Result<Tidied, DeskError> {
        if !(7..=36_500).contains(&days) {
            return Err(DeskError::new(
                "tidy.days",
                "Nothing was removed.",
                "Checks of the last 7 days are always kept: choose 7 days or more.",
            ));
        }
        let running = self.running().map(|current| current.check.number);
        let old = self.archive.before(Utc::now() - chrono::Duration::days(days.into()), running);
        if remove {
            for (number, _) in &old {
                self.archive.remove(*number)?;
            }
        }
        Ok(Tidied {
            checks: u32::try_from(old.len()).unwrap_or(u32::MAX),
            bytes: old.iter().map(|(_, bytes)| bytes).sum(),
            removed: remove,
        })
    }

    /// What the newest release of an environment really saw.
    pub fn coverage(&self, environment: &str) -> Coverage {
        let running = self.running().map(|current| current.check.number);
        let map = self.archive.indexed(running, |index| {
            let mut map = trends::Map::new(environment);
            index.walk(environment, |check, facts| {
                map.see(&check, &facts);
                true
            })?;
            Ok(map)
        });
        map.unwrap_or_else(|| trends::Map::new(environment)).finish()
    }

    /// Recovery times of the ten checks of the same environment before this one, oldest first.
    fn earlier(&self, of: &CheckSummary) -> BTreeMap<Service, Vec<f64>> {
        let query =
            ChecksQuery { limit: 200, environment: Some(of.environment.clone()), ..ChecksQuery::default() };
        let mut times: BTreeMap<Service, Vec<f64>> = BTreeMap::new();
        let checks = self.archive.list(&query, None).checks;
        for check in checks.iter().filter(|check| check.number < of.number).take(10) {
            for (service, seconds) in &check.recoveries {
                times.entry(*service).or_default().insert(0, *seconds);
            }
        }
        times
    }

    /// Lines of the journal of a check.
    pub fn journal(&self, number: u32, query: &JournalQuery) -> Result<JournalPage, DeskError> {
        let path = self.archive.folder_of(number)?.join(JOURNAL_FILE);
        if !path.exists() {
            return Ok(JournalPage { matching: 0, lines: Vec::new() });
        }
        let text = query.text.to_lowercase();
        let matching: Vec<JournalLine> = journal::read(&path)?
            .iter()
            .filter_map(|record| {
                let line = lines::line(record);
                let raw = serde_json::to_string(record).ok()?;
                let event = serde_json::to_value(&record.event).ok()?;
                let name = event.get("event").and_then(serde_json::Value::as_str).unwrap_or_default();
                let of_test = line
                    .as_ref()
                    .and_then(|line| line.test)
                    .or_else(|| serde_json::from_value(event.get("test").cloned().unwrap_or_default()).ok());
                let wanted = query.test.is_none_or(|test| of_test == Some(test))
                    && (text.is_empty() || raw.to_lowercase().contains(&text));
                wanted.then(|| JournalLine {
                    line,
                    seq: record.seq,
                    at_ms: record.elapsed_ms,
                    event: name.to_owned(),
                    raw: raw.chars().take(4000).collect(),
                })
            })
            .collect();
        let count = u32::try_from(matching.len()).unwrap_or(u32::MAX);
        let skip = usize::try_from(query.offset).unwrap_or(usize::MAX);
        let take = usize::try_from(query.limit.min(500)).unwrap_or(500);
        Ok(JournalPage { matching: count, lines: matching.into_iter().skip(skip).take(take).collect() })
    }

    /// Looks at the services whose restart by a check has no end on record. Nothing is written.
    pub async fn verify_recovery(&self, number: u32) -> Result<Vec<RecoveryFound>, DeskError> {
        self.ended(number)?;
        let Opened::Ours(both) = self.archive.open(number)? else {
            return Err(DeskError::new(
                "recovery.foreign",
                "Nothing was asked: this file is of another program.",
                "Look at the services under Services.",
            ));
        };
        let checked = &both.0.plan.environment;
        if checked.kind == Kind::Rehearsal {
            return Err(DeskError::new(
                "recovery.rehearsal",
                "Nothing was asked: the rehearsal of this check is gone, and all its services with it.",
                "Nothing was left behind. Run the check again.",
            ));
        }
        let (environment, secrets) = self.resolve(&checked.name, None).await?;
        recovery::verify(&both.0, &environment, &secrets).await
    }

    /// Records that a person accepts a finding for some days.
    pub fn waive(
        &self,
        number: u32,
        code: &str,
        criterion: &str,
        name: &str,
        reason: &str,
        days: u32,
    ) -> Result<(), DeskError> {
        if !(1..=365).contains(&days) {
            return Err(DeskError::new(
                "waiver.days",
                "The waiver was not recorded.",
                "A waiver holds for 1 to 365 days.",
            ));
        }
        let given_at = Utc::now();
        let waiver = Waiver {
            code: code.into(),
            criterion: criterion.into(),
            name: name.trim().into(),
            reason: reason.trim().into(),
            expires_at: given_at + chrono::Duration::days(days.into()),
            given_at,
            evidence: None,
        };
        self.archive.waive(number, waiver).map(|_| ())
    }

    /// Records what a person decides on a check. The verdict stays what it is.
    pub fn sign_off(
        &self,
        number: u32,
        decision: Decision,
        name: &str,
        role: &str,
        note: &str,
    ) -> Result<(), DeskError> {
        self.ended(number)?;
        let Opened::Ours(both) = self.archive.open(number)? else {
            return Err(DeskError::new(
                "sign_off.foreign",
                "This file is of another program, so there is nothing to decide on.",
                "Run a check, and decide on that.",
            ));
        };
        let sign_off = decisions::sign_off(&both.1, decision, name, role, note)?;
        self.archive.decide(number, Event::SignedOff(sign_off)).map(|_| ())
    }

    /// Signs a check with the key in the keychain; false where there is none.
    pub async fn sign(&self, number: u32) -> Result<bool, DeskError> {
        let Some(key) = self.vault.signing_key().await? else { return Ok(false) };
        let folder = self.archive.folder_of(number)?;
        match self.archive.open(number)? {
            Opened::Ours(both) => saving::sign(&folder, &both.0, &both.1, &key).map(|()| true),
            Opened::Foreign(_) => Ok(false),
        }
    }

    /// The key that signs checks, as far as it may be shown.
    pub async fn signing(&self) -> SigningKey {
        match self.vault.signing_key().await {
            Ok(key) => decisions::shown(key.map(|key| key.public())),
            Err(error) => SigningKey { problem: Some(error.0), ..SigningKey::default() },
        }
    }

    /// Writes exports of a check into a folder, and answers with the files.
    pub fn export(
        &self,
        number: u32,
        folder: &Path,
        formats: &[ExportFormat],
    ) -> Result<Vec<PathBuf>, DeskError> {
        self.ended(number)?;
        let summary = self.archive.summary(number)?;
        match self.archive.open(number)? {
            Opened::Ours(both) => {
                let check = self.archive.folder_of(number)?;
                saving::export(folder, &export_name(&summary), formats, &check, &both.0, &both.1)
            }
            Opened::Foreign(_) => Err(DeskError::new(
                "export.foreign",
                "This file is of another program, so there is no report of ours to export.",
                "Export a check that Holdpoint ran.",
            )),
        }
    }

    /// The summary of a check as Markdown, for the clipboard.
    pub fn summary_text(&self, number: u32) -> Result<String, DeskError> {
        self.ended(number)?;
        match self.archive.open(number)? {
            Opened::Ours(both) => Ok(holdpoint_report::markdown::summary(&both.0, &both.1)),
            Opened::Foreign(file) => Ok(holdpoint_report::recorded::markdown(&file)),
        }
    }

    /// Every environment, the rehearsal last.
    pub async fn environment_list(&self) -> Vec<EnvironmentSummary> {
        let mut out = Vec::new();
        for name in self.environments.names() {
            let saved = self.environments.is_saved(&name);
            match self.environments.load(&name) {
                Ok(environment) => {
                    // Every question to the keychain takes its time; without a project the token changes nothing.
                    let token = match &environment.railway {
                        Some(_) => self.vault.railway_token(&name).await,
                        None => None,
                    };
                    let (chaos, note) = match (&environment.railway, token) {
                        (Some(_), Some(token)) => (
                            ChaosIntent::Real,
                            token.kind.map_or_else(
                                || "Railway, restarts are real".to_owned(),
                                |kind| format!("Railway, {}", kind.word()),
                            ),
                        ),
                        _ => (ChaosIntent::Simulated, "No token, restarts are simulated".to_owned()),
                    };
                    out.push(EnvironmentSummary {
                        host: environment.api_url.host_str().unwrap_or_default().to_owned(),
                        name,
                        kind: environment.kind,
                        chaos,
                        note,
                        saved,
                        problem: None,
                    });
                }
                Err(error) => out.push(EnvironmentSummary {
                    name,
                    kind: Kind::Staging,
                    host: String::new(),
                    chaos: ChaosIntent::Simulated,
                    note: "its file cannot be used".into(),
                    saved,
                    problem: Some(DeskError::from(error).0),
                }),
            }
        }
        out.push(EnvironmentSummary {
            name: rehearsal::NAME.into(),
            kind: Kind::Rehearsal,
            host: "this computer".into(),
            chaos: ChaosIntent::Real,
            note: "This computer, restarts are real".into(),
            saved: false,
            problem: None,
        });
        out
    }

    /// An environment, opened.
    pub async fn environment(&self, name: &str) -> Result<EnvironmentView, DeskError> {
        if name == rehearsal::NAME {
            let (environment, _) = self.resolve(name, None).await?;
            return Ok(EnvironmentView {
                kind: Kind::Rehearsal,
                built_in: true,
                saved: true,
                form: forms::form(&environment),
                secrets: Vec::new(),
                keychain: None,
            });
        }
        let environment = self.environments.load(name)?;
        let (secrets, keychain) = self.vault.views(name).await;
        Ok(EnvironmentView {
            kind: environment.kind,
            built_in: false,
            saved: self.environments.is_saved(name),
            form: forms::form(&environment),
            secrets,
            keychain,
        })
    }

    /// Saves a form; `previous` is the name it had, so that a renamed environment is not kept twice.
    pub async fn save_environment(
        &self,
        form: &EnvironmentForm,
        previous: Option<&str>,
    ) -> Result<EnvironmentView, DeskError> {
        let environment = forms::environment(form).map_err(DeskError::fields)?;
        let name = environment.name.clone();
        let taken =
            previous != Some(name.as_str()) && (name == rehearsal::NAME || self.environments.is_saved(&name));
        if taken {
            return Err(DeskError::fields(vec![crate::view::FieldProblem {
                field: "name".into(),
                message: format!("There is an environment {name} already. Choose another name."),
            }]));
        }
        self.environments.save(&environment)?;
        if let Some(previous) = previous.filter(|previous| *previous != name) {
            self.environments.remove(previous)?;
        }
        self.environment(&name).await
    }

    /// Keeps a secret. Of a Railway token the kind is asked from Railway first, so that a wrong one is seen at once.
    pub async fn set_secret(
        &self,
        name: &str,
        field: SecretField,
        value: String,
        session_only: bool,
    ) -> Result<EnvironmentView, DeskError> {
        let secret = holdpoint_agentverse::SecretString::from(value.trim().to_owned());
        let kind = match (field, self.environments.load(name)?.railway) {
            (SecretField::RailwayToken, Some(railway)) if !value.trim().is_empty() => {
                Some(holdpoint_railway::Client::detect_kind(&railway.url, &secret).await?)
            }
            _ => None,
        };
        self.vault.set(name, field, secret, kind, session_only).await?;
        self.environment(name).await
    }

    /// Takes the token of the Railway CLI of this account.
    pub async fn import_railway_token(
        &self,
        name: &str,
        session_only: bool,
    ) -> Result<EnvironmentView, DeskError> {
        let failed = |why: String| {
            DeskError::new(
                "railway_cli.unusable",
                "No token was taken from the Railway CLI.",
                "Log in with the Railway CLI, or create a token in Railway's settings and set it here.",
            )
            .because(why)
        };
        let home = std::env::home_dir().ok_or_else(|| failed("this account has no home folder".into()))?;
        let path = holdpoint_railway::cli_config::path_in(&home);
        let found = holdpoint_railway::cli_config::read(&path, Utc::now())
            .map_err(|error| failed(error.to_string()))?;
        self.vault.set(name, SecretField::RailwayToken, found.token, Some(found.kind), session_only).await?;
        self.environment(name).await
    }

    /// Asks Railway what the token of an environment and the ids of a form reach.
    pub async fn find_railway_ids(
        &self,
        name: &str,
        form: &EnvironmentForm,
    ) -> Result<RailwayFound, DeskError> {
        let environment = forms::environment(form).map_err(DeskError::fields)?;
        let secrets = self.vault.secrets(name).await;
        let client = clients::railway(&environment, &secrets)?;
        let reach = client.reach().await?;
        let known = environment.railway.as_ref();
        let pick = |reached: Option<String>, typed: Option<&String>| {
            reached.or_else(|| typed.cloned()).filter(|id| !id.is_empty())
        };
        let missing = || {
            DeskError::new(
                "railway.no_ids",
                "Railway does not say which project this token is for.",
                "An account token reaches many: type the project and environment ids, then find the services.",
            )
        };
        let project_id = pick(reach.project_id, known.map(|known| &known.project_id)).ok_or_else(missing)?;
        let environment_id =
            pick(reach.environment_id, known.map(|known| &known.environment_id)).ok_or_else(missing)?;
        let state = client.environment(&project_id, &environment_id).await?;
        let services = state
            .services
            .iter()
            .map(|instance| RailwayService {
                service: known
                    .and_then(|known| known.services.iter().find(|(_, id)| **id == instance.service_id))
                    .map(|(service, _)| *service)
                    .or_else(|| guess(&instance.service_name)),
                id: instance.service_id.clone(),
                name: instance.service_name.clone(),
            })
            .collect();
        Ok(RailwayFound {
            asked_at: now(),
            token_kind: secrets.railway_token_kind.map_or("token", holdpoint_railway::TokenKind::word).into(),
            matches: known.is_some_and(|known| {
                known.project_id == state.project_id && known.environment_id == state.id
            }),
            project: NamedId { id: state.project_id, name: reach.project_name.unwrap_or_default() },
            environment: NamedId { id: state.id, name: state.name },
            services,
        })
    }
}

/// Which of our services a Railway name seems to mean; a person confirms.
fn guess(name: &str) -> Option<Service> {
    let name = name.to_lowercase();
    [
        ("postgres", Service::Postgres),
        ("redis", Service::Redis),
        ("minio", Service::Minio),
        ("worker", Service::Worker),
        ("web", Service::Web),
        ("api", Service::Api),
    ]
    .into_iter()
    .find(|(word, _)| name.contains(word))
    .map(|(_, service)| service)
}

/// The name of exported files carries the verdict with its labels, so that a file cannot be mistaken for another.
fn export_name(check: &CheckSummary) -> String {
    let words: String = check
        .headline
        .to_lowercase()
        .chars()
        .map(|letter| if letter.is_ascii_alphanumeric() { letter } else { '-' })
        .collect();
    let words: Vec<&str> = words.split('-').filter(|word| !word.is_empty()).take(12).collect();
    format!("check-{}-{}", check.number, words.join("-"))
}

fn now() -> String {
    Utc::now().to_rfc3339_opts(SecondsFormat::Millis, true)
}

/// Takes the records of a running check until it has ended, then makes its reports.
async fn follow(desk: Arc<Desk>, current: Arc<Current>, mut check: run::Check, folder: PathBuf) {
    loop {
        match check.records.recv().await {
            Ok(record) => current.live().see(&record),
            // The page may have missed lines; the journal holds them, and the report is made from it.
            Err(RecvError::Lagged(_)) => {}
            Err(RecvError::Closed) => break,
        }
    }
    let number = current.check.number;
    let ended = match check.done.await {
        Ok(written) => written.map_err(DeskError::from),
        Err(error) => Err(DeskError::new(
            "check.defect",
            "The check ended with a defect of Holdpoint.",
            "What was recorded until then is kept.",
        )
        .because(error)),
    };
    let keeper = desk.clone();
    let sealed = tokio::task::spawn_blocking(move || {
        // A comparison that could not be recorded leaves the gate unproven, which the report then says.
        if let Err(error) = keeper.gate(number) {
            tracing::warn!(%error, "the check was not compared with its baseline");
        }
        keeper.archive.seal(number)
    })
    .await;
    let sealed = sealed.unwrap_or_else(|error| {
        Err(DeskError::new("report.unwritable", "The reports were not saved.", "Open the check again.")
            .because(error))
    });
    let signed = if sealed.is_ok() { desk.sign(number).await } else { Ok(false) };
    if let Err(error) = signed {
        // A check without a signature is whole; who needs one sees that there is none.
        tracing::warn!(%error, "the check was not signed");
    }
    for error in [ended.err(), sealed.err()].into_iter().flatten() {
        tracing::error!(%error, folder = %folder.display(), "the check was not kept as it should be");
        current.live().tell(&error.to_string());
    }
    current.live().saved();
    current.over.cancel();
}
