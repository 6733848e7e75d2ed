//! What can be typed.

use std::path::PathBuf;

use clap::{ArgGroup, Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;
use holdpoint_check::event::Decision;
use holdpoint_check::words::{Service, TestId};
use holdpoint_compare::Baseline;
use holdpoint_desk::view::ExportFormat;

/// GO or NO-GO, with evidence: load, chaos and data-integrity checks of a staging deployment
#[derive(Debug, Parser)]
#[command(name = "holdpoint", version, max_term_width = 100)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run a check and answer GO (exit 0), NO-GO (1) or NO VERDICT (3); 2 is wrong usage or configuration
    Check(CheckOptions),
    /// Send load to an address: exit 0 when every criterion is met, 1 when one is not, 3 when it is not proven, 4 when they
    /// hold in what was measured and that was too little to tell; 2 is wrong usage or configuration
    Load(Box<crate::load::LoadCommand>),
    /// Keep a rehearsal environment up until Ctrl-C
    Rehearse(RehearseOptions),
    /// Look at and change saved environments
    #[command(subcommand)]
    Environment(EnvironmentCommand),
    /// The Railway token of an environment, in the system keychain
    #[command(subcommand)]
    Token(TokenCommand),
    /// The runbook's manual operations
    #[command(subcommand)]
    Services(ServicesCommand),
    /// Read saved results, ours and those of before us
    #[command(subcommand)]
    Report(ReportCommand),
    /// The key that signs checks, in the system keychain
    #[command(subcommand)]
    Signing(SigningCommand),
    /// Say what a criterion or a finding means, how it is measured, and what to do
    Explain {
        /// A topic, a criterion such as L1.p95, or the code of a finding; all topics otherwise
        word: Option<String>,
    },
    /// Say what got slower or faster between two checks: exit 0 when nothing is worse, 1 when something is, 3 when they
    /// cannot be compared
    Compare(CompareOptions),
    /// Print completions for a shell
    Completions {
        /// Which shell
        shell: Shell,
    },
    /// Print the manual page
    Man,
}

#[derive(Args, Debug)]
#[command(group = ArgGroup::new("suite"))]
pub(crate) struct CheckOptions {
    /// All eight tests (the default)
    #[arg(long, group = "suite")]
    pub(crate) all: bool,
    /// L1 to L3 only
    #[arg(long, group = "suite")]
    pub(crate) load_only: bool,
    /// C1 to C3 only
    #[arg(long, group = "suite")]
    pub(crate) chaos_only: bool,
    /// REP and BUCKET only
    #[arg(long, group = "suite")]
    pub(crate) verify_only: bool,
    /// Single tests, for example L1,C2
    #[arg(long, group = "suite", value_delimiter = ',', value_name = "TESTS")]
    pub(crate) test: Vec<TestId>,
    /// A saved environment, or the path of an environment file
    #[arg(long, value_name = "NAME", conflicts_with = "rehearse")]
    pub(crate) environment: Option<String>,
    /// Check the built-in rehearsal environment
    #[arg(long)]
    pub(crate) rehearse: bool,
    /// How the rehearsal behaves; implies --rehearse
    #[arg(long, value_enum, conflicts_with = "environment")]
    pub(crate) profile: Option<Profile>,
    /// Check a rehearsal with one named defect; `holdpoint-rehearsal drills` lists them
    #[arg(long, value_name = "NAME", conflicts_with = "profile")]
    pub(crate) drill: Option<String>,
    /// Check a rehearsal whose Railway has one named oddity; `holdpoint-rehearsal oddities` lists them
    #[arg(long, value_name = "NAME", conflicts_with_all = ["environment", "profile", "drill"])]
    pub(crate) oddity: Option<String>,
    /// Where the files go; a new folder below ./holdpoint-checks otherwise
    #[arg(long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
    /// Refuse to start where services cannot really be restarted
    #[arg(long, conflicts_with = "simulate_chaos")]
    pub(crate) require_real_chaos: bool,
    /// Restart nothing although a token is there; the verdict says so
    #[arg(long)]
    pub(crate) simulate_chaos: bool,
    /// Confirm that the services of this environment may really be restarted (asked for otherwise)
    #[arg(long)]
    pub(crate) confirm_restarts: bool,
    /// Confirm the restarts by the name that Railway has for the environment; needed where it is called like production
    /// or is the primary one of its project
    #[arg(long, value_name = "NAME")]
    pub(crate) confirm: Option<String>,
    /// Print every event as a line of JSON instead of the live view
    #[arg(long)]
    pub(crate) events: bool,
    /// Write `JUnit` XML for a CI system
    #[arg(long, value_name = "FILE")]
    pub(crate) junit: Option<PathBuf>,
    /// Write the report as Markdown
    #[arg(long, value_name = "FILE")]
    pub(crate) markdown: Option<PathBuf>,
    /// Write the report as one HTML file
    #[arg(long, value_name = "FILE")]
    pub(crate) html: Option<PathBuf>,
    /// Sign the check with the key in the keychain
    #[arg(long)]
    pub(crate) sign: bool,
    /// So many checks one after the other, each in a folder of its own; exits with the worst answer
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub(crate) repeat: Option<u32>,
    /// Repeat until a check does not pass, at most --repeat times (1000)
    #[arg(long)]
    pub(crate) until_failure: bool,
    /// Compare with an earlier check when it has ended: `warn` tells, `block` makes a regression a NO-GO
    #[arg(long, value_enum, value_name = "GATE")]
    pub(crate) regression: Option<RegressionChoice>,
    /// Slower by no more than this, in per cent, is accepted; 10 otherwise
    #[arg(long, value_name = "PERCENT")]
    pub(crate) tolerance: Option<f64>,
    /// What to compare with: last-go, median:N, or the folder of a check. Looked for beside the folder of this check
    #[arg(long, value_name = "BASELINE")]
    pub(crate) baseline: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum RegressionChoice {
    /// It is not asked
    Off,
    /// It is told, and changes no verdict
    Warn,
    /// It breaks a criterion
    Block,
}

#[derive(Args, Debug)]
pub(crate) struct CompareOptions {
    /// The check before, or with --baseline the one check that is compared: a number of the archive, a folder or a file
    pub(crate) before: String,
    /// The check after
    #[arg(required_unless_present = "baseline", conflicts_with = "baseline")]
    pub(crate) after: Option<String>,
    /// Compare with last-go, median:N, or a check
    #[arg(long, value_name = "BASELINE")]
    pub(crate) baseline: Option<Baseline>,
    /// Two checks of one and the same build: what they differ by is noise
    #[arg(long, num_args = 2, value_names = ["CHECK", "CHECK"])]
    pub(crate) noise: Vec<String>,
    /// The folder of checks to look in; the archive of the window otherwise
    #[arg(long, value_name = "FOLDER")]
    pub(crate) checks: Option<PathBuf>,
    /// Print the comparison as JSON instead of Markdown
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Args, Clone, Debug)]
pub(crate) struct RehearseOptions {
    /// How it behaves
    #[arg(long, value_enum, default_value = "healthy")]
    pub(crate) profile: Profile,
    /// A healthy environment with one named defect; `holdpoint-rehearsal drills` lists them
    #[arg(long, value_name = "NAME", conflicts_with = "profile")]
    pub(crate) drill: Option<String>,
    /// A healthy environment whose Railway has one named oddity; `holdpoint-rehearsal oddities` lists them
    #[arg(long, value_name = "NAME", conflicts_with_all = ["profile", "drill"])]
    pub(crate) oddity: Option<String>,
    /// Restart as slowly as the recorded staging did
    #[arg(long)]
    pub(crate) recorded_durations: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Profile {
    /// The contract as it is meant
    Healthy,
    /// The same at the edges of what it allows: slow answers, lists in any order, tasks delivered twice
    Restless,
    /// The second generation as recorded, faults included
    G2,
    /// The first generation as recorded, faults included
    G1,
}

impl Profile {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Healthy => "healthy",
            Self::Restless => "restless",
            Self::G2 => "g2",
            Self::G1 => "g1",
        }
    }
}

#[derive(Debug, Subcommand)]
pub(crate) enum EnvironmentCommand {
    /// Names of all environments
    List,
    /// Print an environment's file; `rehearsal` shows an example
    Show {
        /// Its name
        name: String,
    },
    /// Save an environment from a file, and ask for its secrets
    Set {
        /// Its name
        name: String,
        /// The file to save; without it only the secrets are asked for
        #[arg(long, value_name = "FILE")]
        file: Option<PathBuf>,
        /// Ask for login, ops key and S3 key, and keep them in the keychain
        #[arg(long)]
        ask_secrets: bool,
    },
    /// Look at an environment as the preflight does, without load
    Test {
        /// Its name
        name: String,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum TokenCommand {
    /// Ask for a token and keep it in the keychain
    Set {
        /// The environment
        #[arg(default_value = "staging")]
        environment: String,
    },
    /// Take the token of the Railway CLI's own file
    Import {
        /// The environment
        #[arg(default_value = "staging")]
        environment: String,
        /// The file, if it is not in its usual place
        #[arg(long, value_name = "FILE")]
        file: Option<PathBuf>,
    },
    /// Remove the token
    Clear {
        /// The environment
        #[arg(default_value = "staging")]
        environment: String,
    },
    /// Say whether there is a token, of which kind and since when
    Status {
        /// The environment
        #[arg(default_value = "staging")]
        environment: String,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum ServicesCommand {
    /// Health of the API and every dependency
    Health(Of),
    /// Restart a service, proven where it has an identity
    Restart {
        /// api, worker, web, minio, postgres or redis
        service: Service,
        #[command(flatten)]
        of: Of,
        #[command(flatten)]
        consent: Consent,
    },
    /// Redeploy a service that a restart did not bring back: a new deployment of the same source
    Redeploy {
        /// api, worker, web, minio, postgres or redis
        service: Service,
        #[command(flatten)]
        of: Of,
        #[command(flatten)]
        consent: Consent,
    },
    /// Say whether the services that a check left restarted are back; nothing is changed, not even the check
    Recovered {
        /// The folder of the check, or its journal
        check: PathBuf,
        /// The environment; the one that was checked otherwise
        #[arg(long, value_name = "NAME")]
        environment: Option<String>,
    },
    /// The newest log lines of a service
    Logs {
        /// api, worker, web, minio, postgres or redis
        service: Service,
        #[command(flatten)]
        of: Of,
        /// How many
        #[arg(long, default_value_t = 100)]
        lines: u32,
    },
    /// The API's own storage probe
    StorageTest(Of),
}

#[derive(Args, Debug)]
pub(crate) struct Consent {
    /// Confirm that the service is really hit
    #[arg(long)]
    pub(crate) yes: bool,
    /// Confirm by the name that Railway has for the environment; needed where it is called like production or is the
    /// primary one of its project
    #[arg(long, value_name = "NAME")]
    pub(crate) confirm: Option<String>,
}

#[derive(Args, Debug)]
pub(crate) struct Of {
    /// The environment: a saved name or a file
    #[arg(long, default_value = "staging", value_name = "NAME")]
    pub(crate) environment: String,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ReportCommand {
    /// Show a results file, a journal or a folder of a check
    Show {
        /// The file or folder
        file: PathBuf,
    },
    /// Print it as Markdown
    Markdown {
        /// The file or folder
        file: PathBuf,
    },
    /// Write a check into a folder, in any of the formats the window has
    Export {
        /// The folder of a check, or the file of a capacity run
        check: PathBuf,
        /// Where to
        #[arg(long, value_name = "FOLDER")]
        to: PathBuf,
        /// The name of the files, without an ending
        #[arg(long, value_name = "NAME")]
        name: String,
        /// What to write; several with commas between them
        #[arg(long, value_delimiter = ',', default_value = "markdown,json", value_name = "FORMATS",
            value_parser = format)]
        format: Vec<ExportFormat>,
    },
    /// Say whether a byte of a saved check was changed: exit 0 when none was, 1 when one was, 3 when nobody can tell
    Verify {
        /// The folder of a check, or its bundle
        check: PathBuf,
        /// A file with the public key of who signed it
        #[arg(long, value_name = "FILE")]
        key: Option<PathBuf>,
    },
    /// Sign a saved check with the key in the keychain
    Sign {
        /// The folder of the check
        check: PathBuf,
    },
    /// Put on record what a person decides on a check; a decision against the verdict is shown as such
    SignOff {
        /// The folder of the check
        check: PathBuf,
        /// What becomes of the release
        #[arg(long, value_enum)]
        decision: DecisionWord,
        /// Who decides
        #[arg(long)]
        name: String,
        /// As what
        #[arg(long, default_value = "release manager")]
        role: String,
        /// Why; needed against the verdict and for a GO with simulated restarts
        #[arg(long, default_value = "")]
        note: String,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum DecisionWord {
    /// The release goes on
    Promote,
    /// The release waits
    Hold,
}

impl From<DecisionWord> for Decision {
    fn from(word: DecisionWord) -> Self {
        match word {
            DecisionWord::Promote => Self::Promote,
            DecisionWord::Hold => Self::Hold,
        }
    }
}

fn format(text: &str) -> Result<ExportFormat, String> {
    ExportFormat::ALL.into_iter().find(|format| format.name() == text).ok_or_else(|| {
        let names: Vec<&str> = ExportFormat::ALL.iter().map(|format| format.name()).collect();
        format!("there is no format {text:?}; the formats are {}", names.join(" "))
    })
}

#[derive(Debug, Subcommand)]
pub(crate) enum SigningCommand {
    /// Make a key that signs checks, and keep it in the keychain; prints its public half
    Create,
    /// Print the public half, which everybody may have
    Public,
    /// Remove the key; what it signed stays signed
    Remove,
}
