/**
 * The one door to Rust. Everything the page can ask for, and nothing else; `tauri.ts` is the product's, `fake.ts` the
 * component tests'. A refusal rejects with a `Problem`.
 */
import type { About } from './types/About';
import type { CapacityDraft } from './types/CapacityDraft';
import type { CapacityFormat } from './types/CapacityFormat';
import type { CapacityLive } from './types/CapacityLive';
import type { CapacityOrder } from './types/CapacityOrder';
import type { CapacityPage } from './types/CapacityPage';
import type { CapacityPlan } from './types/CapacityPlan';
import type { CapacityReport } from './types/CapacityReport';
import type { CheckDraft } from './types/CheckDraft';
import type { CheckSummary } from './types/CheckSummary';
import type { ChecksPage } from './types/ChecksPage';
import type { ChecksQuery } from './types/ChecksQuery';
import type { Compared } from './types/Compared';
import type { Coverage } from './types/Coverage';
import type { Decision } from './types/Decision';
import type { Drill } from './types/Drill';
import type { EnvironmentForm } from './types/EnvironmentForm';
import type { EnvironmentView } from './types/EnvironmentView';
import type { ExportFormat } from './types/ExportFormat';
import type { FieldProblem } from './types/FieldProblem';
import type { Home } from './types/Home';
import type { Imported } from './types/Imported';
import type { JournalPage } from './types/JournalPage';
import type { JournalQuery } from './types/JournalQuery';
import type { Live } from './types/Live';
import type { PackageDraft } from './types/PackageDraft';
import type { PlanPreview } from './types/PlanPreview';
import type { PreflightReport } from './types/PreflightReport';
import type { Problem } from './types/Problem';
import type { RailwayFound } from './types/RailwayFound';
import type { RecoveryFound } from './types/RecoveryFound';
import type { Report } from './types/Report';
import type { RestartReport } from './types/RestartReport';
import type { SecretField } from './types/SecretField';
import type { Service } from './types/Service';
import type { ServiceLog } from './types/ServiceLog';
import type { ServicesView } from './types/ServicesView';
import type { Settings } from './types/Settings';
import type { SigningKey } from './types/SigningKey';
import type { StorageReport } from './types/StorageReport';
import type { Topic } from './types/Topic';
import type { Tidied } from './types/Tidied';
import type { Trends } from './types/Trends';
import type { TrendsQuery } from './types/TrendsQuery';

/** What ends a subscription. */
export type Stop = () => void;

/** What the program tells the page without being asked. */
export type Told =
  /** A check ended and is saved. */
  | { what: 'check-ended'; number: number }
  /** A results file was opened from outside: dropped, or given to the program. */
  | { what: 'file-opened'; number: number }
  /** A capacity run ended and is saved. */
  | { what: 'capacity-ended'; number: number }
  /** The file of a capacity run was opened from outside. */
  | { what: 'capacity-opened'; number: number }
  /** A file from outside was refused. */
  | { what: 'file-refused'; problem: Problem }
  /** A file hangs over the window (true) or not any more. */
  | { what: 'file-over'; over: boolean }
  /** The person wants to close the window while a check runs. */
  | { what: 'close-asked' };

export interface Host {
  home(): Promise<Home>;
  about(): Promise<About>;
  saveSettings(settings: Settings): Promise<void>;

  // The next check
  drills(): Promise<Drill[]>;
  plan(draft: CheckDraft): Promise<PlanPreview>;
  /** Asks the environment whether a check can start. Starts the rehearsal first where it is meant. */
  preflight(environment: string, simulate: boolean): Promise<PreflightReport>;
  /** Starts a check and answers with its number. One check runs at a time. */
  startCheck(draft: CheckDraft): Promise<number>;

  // The running check
  /** Everything so far at once, then what is new, until stopped or until the check has ended. */
  watchCheck(onLive: (live: Live) => void): Promise<Stop>;
  /** Ends the load at once and waits for services that were touched. */
  abortCheck(): Promise<void>;

  // Saved checks
  checks(query: ChecksQuery): Promise<ChecksPage>;
  report(number: number, dark: boolean): Promise<Report>;
  journal(number: number, query: JournalQuery): Promise<JournalPage>;
  waive(number: number, code: string, criterion: string, name: string, reason: string, days: number): Promise<void>;
  /** Compares a check with a number, `last-go` or `median:5`. `noise` are two checks of one and the same build. */
  compare(number: number, against: string, noise: [number, number] | null): Promise<Compared>;
  /** The same as Markdown text, for the clipboard. */
  compareText(number: number, against: string, noise: [number, number] | null): Promise<string>;
  trends(query: TrendsQuery): Promise<Trends>;
  /** What the newest release of an environment really saw. */
  coverage(environment: string): Promise<Coverage>;
  /** Checks older than so many days: how many they are, and removes them where `remove` says so. */
  tidy(days: number, remove: boolean): Promise<Tidied>;
  /** Lets the person pick a folder of old results and adds what is in it; null when nothing was picked. */
  importFolder(): Promise<Imported | null>;
  /** Puts a decision on record; it may go against the verdict. */
  signOff(number: number, decision: Decision, name: string, role: string, note: string): Promise<void>;
  /** What a check does, what its words mean, and what to do. */
  guide(): Promise<Topic[]>;
  /** The key that signs checks. */
  signing(): Promise<SigningKey>;
  createSigningKey(): Promise<SigningKey>;
  removeSigningKey(): Promise<SigningKey>;
  /** Lets the person pick a file with a check; null when nothing was picked. Answers with the check it became. */
  pickResults(): Promise<CheckSummary | null>;
  /** Lets the person pick a folder; null when nothing was picked. */
  pickFolder(current: string): Promise<string | null>;
  /** Writes an export into a folder that the person picked, and answers with the files. */
  exportCheck(number: number, folder: string, formats: ExportFormat[]): Promise<string[]>;
  /** The summary as Markdown text, for the clipboard. */
  summaryText(number: number): Promise<string>;
  /** Shows a file or folder of ours in the file manager. */
  reveal(path: string): Promise<void>;

  // Manual operations
  services(environment: string): Promise<ServicesView>;
  storageTest(environment: string): Promise<StorageReport>;
  serviceLogs(environment: string, service: Service): Promise<ServiceLog[]>;
  /** `typed` is Railway's name of the environment, where it has to be typed. */
  restartService(environment: string, service: Service, typed: string | null): Promise<RestartReport>;
  /** A new deployment, for what a restart did not bring back. */
  redeployService(environment: string, service: Service, typed: string | null): Promise<RestartReport>;
  /** Looks at services whose restart by a check has no end on record; nothing is written. */
  verifyRecovery(number: number): Promise<RecoveryFound[]>;

  // Environments
  environment(name: string): Promise<EnvironmentView>;
  /** Every problem of a form, without saving it. */
  checkEnvironment(form: EnvironmentForm): Promise<FieldProblem[]>;
  saveEnvironment(form: EnvironmentForm, previous: string | null): Promise<EnvironmentView>;
  removeEnvironment(name: string): Promise<void>;
  setSecret(environment: string, field: SecretField, value: string, sessionOnly: boolean): Promise<EnvironmentView>;
  clearSecret(environment: string, field: SecretField): Promise<EnvironmentView>;
  importRailwayToken(environment: string, sessionOnly: boolean): Promise<EnvironmentView>;
  findRailwayIds(environment: string, form: EnvironmentForm): Promise<RailwayFound>;

  // Capacity
  /** What a draft comes to. Nothing is started or sent for it. */
  planCapacity(draft: CapacityDraft): Promise<CapacityPlan>;
  /** Starts a capacity run and answers with its number. One runs at a time, and beside no check. */
  startCapacity(draft: CapacityDraft): Promise<number>;
  /** What the load of a package comes to. Nothing is started or sent for it. */
  planPackage(draft: PackageDraft): Promise<CapacityPlan>;
  /** Starts the load of a package on a master that others run. `header` is a secret; it goes to the master alone. */
  joinMaster(draft: PackageDraft, header: string | null): Promise<number>;
  /** Lets the person pick the evidence that a master left, and judges it; null when nothing was picked. */
  judgeEvidence(draft: PackageDraft): Promise<number | null>;
  /** Writes a package for Locust into a new folder within one that the person picked, and answers with it. */
  writePackage(draft: CapacityDraft, folder: string): Promise<string>;
  /** Writes a script for k6 into a folder that the person picked, and answers with the file. */
  writeScript(draft: CapacityDraft, folder: string): Promise<string>;
  orderCapacity(order: CapacityOrder): Promise<void>;
  /** Everything so far at once, then what is new, until stopped or until it has ended. */
  watchCapacity(onLive: (live: CapacityLive) => void): Promise<Stop>;
  capacityRuns(offset: number, limit: number): Promise<CapacityPage>;
  capacityReport(number: number, dark: boolean): Promise<CapacityReport>;
  exportCapacity(number: number, folder: string, formats: CapacityFormat[]): Promise<string[]>;
  /** Lets the person pick the file of a capacity run; null when nothing was picked. */
  pickCapacity(): Promise<number | null>;

  // The window
  openLink(url: string): Promise<void>;
  copyText(text: string): Promise<void>;
  setTitle(title: string): Promise<void>;
  /** Closes the window, aborting a running check safely first. */
  closeAnyway(): Promise<void>;
  listen(onTold: (told: Told) => void): Promise<Stop>;
}
