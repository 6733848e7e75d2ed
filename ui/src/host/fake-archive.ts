/**
 * The archive half of the fake host: saved checks, their reports and journals, services, environments and drills.
 * A scene is words joined by `+`: empty, many, refused, hostile, keychain-locked, keychain-absent, no-token,
 * railway-unreachable, services-down, storage-broken, restart-unseen, refused-save, other-environment,
 * broken-environment, first-run, archive-refused, never.
 */
import type { Host } from './host';
import { compared, coverage, imported, trends } from './fake-archive/compare';
import { importedCheck, page, savedChecks, type Saved } from './fake-archive/checks';
import { drillRows } from './fake-archive/drills';
import { Environments, formProblems } from './fake-archive/environments';
import { journalPage, lines } from './fake-archive/journal';
import { later, problem, scenes } from './fake-archive/kit';
import { report } from './fake-archive/report';
import { recoveryFound, redeploy, restart, serviceLog, servicesView, storageReport } from './fake-archive/services';
import type { CheckSummary } from './types/CheckSummary';
import type { EnvironmentSummary } from './types/EnvironmentSummary';
import { topics } from './fake-archive/guide';
import { ENDING, FakeSigning } from './fake-archive/signing';
import type { Waiver } from './types/Waiver';

/** What this half answers for. */
export type Archive = Pick<
  Host,
  | 'drills'
  | 'checks'
  | 'report'
  | 'journal'
  | 'waive'
  | 'signOff'
  | 'guide'
  | 'signing'
  | 'createSigningKey'
  | 'removeSigningKey'
  | 'compare'
  | 'compareText'
  | 'trends'
  | 'coverage'
  | 'tidy'
  | 'importFolder'
  | 'pickResults'
  | 'exportCheck'
  | 'summaryText'
  | 'reveal'
  | 'services'
  | 'storageTest'
  | 'serviceLogs'
  | 'restartService'
  | 'redeployService'
  | 'verifyRecovery'
  | 'environment'
  | 'checkEnvironment'
  | 'saveEnvironment'
  | 'removeEnvironment'
  | 'setSecret'
  | 'clearSecret'
  | 'importRailwayToken'
  | 'findRailwayIds'
> & {
  /** What the other half of the fake needs for `home()`. */
  archive: {
    /** How many checks are kept. */
    count(): number;
    /** The newest check. */
    last(): CheckSummary | null;
    /** Every environment, the built-in one last. */
    environments(): EnvironmentSummary[];
    /** Every call by name, for tests that ask what was sent. */
    calls: [string, ...unknown[]][];
  };
};

/** The archive of a scene. */
export function fakeArchive(scene = ''): Archive {
  const has = scenes(scene);
  const all = savedChecks(has);
  const waivers = new Map<number, Waiver[]>();
  const environments = new Environments(has);
  const key = new FakeSigning(has);
  const calls: [string, ...unknown[]][] = [];
  let asks = 0;
  let logs = 0;

  const find = (number: number): Saved => {
    const saved = all.find(({ summary }) => summary.number === number);
    if (!saved)
      throw problem(
        'check.unknown',
        `There is no check ${number}.`,
        'It is not in this history.',
        'Choose another check.',
      );
    return saved;
  };
  /** Notes a call, waits a turn as the real door does, and answers; what is thrown is a refusal. */
  const answer = async <T>(name: string, args: unknown[], give: () => T): Promise<T> => {
    calls.push([name, ...args]);
    if (has('never') && !['environment', 'checkEnvironment'].includes(name)) return new Promise<T>(() => undefined);
    await Promise.resolve();
    if (has('archive-refused') && ['checks', 'report', 'services', 'environment', 'drills', 'journal'].includes(name)) {
      throw problem(
        'folder.unreadable',
        'The folder of checks cannot be read.',
        'Permission denied (os error 13).',
        'Give yourself the right to read it, and try again.',
      );
    }
    return structuredClone(give());
  };

  return {
    archive: {
      count: () => all.length,
      last: () => all[0]?.summary ?? null,
      environments: () => environments.summaries(),
      calls,
    },

    drills: () => answer('drills', [], drillRows),
    checks: (query) => answer('checks', [query], () => page(all, query)),
    report: (number, dark) =>
      answer('report', [number, dark], () => {
        const out = report(find(number), dark, has('hostile'));
        out.verdict?.waivers.push(...(waivers.get(number) ?? []));
        key.add(out);
        return out;
      }),
    journal: (number, query) =>
      answer('journal', [number, query], () => journalPage(lines(find(number), has('hostile')), query)),
    waive: (number, code, criterion, name, reason, days) =>
      answer('waive', [number, code, criterion, name, reason, days], () => {
        const saved = find(number);
        const given_at = '2026-01-12T14:00:00Z';
        const list = waivers.get(number) ?? [];
        list.push({ code, criterion, name, reason, given_at, expires_at: later(given_at, days * 24 * 3_600_000) });
        waivers.set(number, list);
        saved.summary.waivers += 1;
      }),
    signOff: (number, decision, name, role, note) =>
      answer('signOff', [number, decision, name, role, note], () =>
        key.sign(find(number).summary, decision, name, role, note),
      ),
    guide: () => answer('guide', [], topics),
    signing: () => answer('signing', [], () => key.shown()),
    createSigningKey: () => answer('createSigningKey', [], () => key.create()),
    removeSigningKey: () => answer('removeSigningKey', [], () => key.remove()),
    compare: (number, against, noise) =>
      answer('compare', [number, against, noise], () => {
        if (against === 'last-go' && !all.some(({ summary }) => summary.word === 'go' && summary.number < number))
          throw problem('baseline.none', `No check before check ${number} read GO here.`, '', 'Choose another check.');
        return compared(find(number).summary, against, all, noise);
      }),
    compareText: (number, against, noise) =>
      answer(
        'compareText',
        [number, against, noise],
        () => `# ${compared(find(number).summary, against, all, noise).headline}\n`,
      ),
    trends: (query) => answer('trends', [query], () => trends(all, query)),
    coverage: (environment) => answer('coverage', [environment], () => coverage(environment, all)),
    tidy: (days, remove) => answer('tidy', [days, remove], () => ({ checks: 12, bytes: 41_200_000, removed: remove })),
    importFolder: () =>
      answer('importFolder', [], () => {
        if (has('cancelled')) return null;
        const saved = importedCheck(Math.max(0, ...all.map(({ summary }) => summary.number)) + 1);
        all.unshift(saved);
        return imported(saved.summary.number);
      }),
    pickResults: () =>
      answer('pickResults', [], () => {
        if (has('refused'))
          throw problem(
            'file.not_results',
            'This file was not opened.',
            'It has no "overall_status".',
            'Choose a step3_results.json or a Holdpoint results.json.',
          );
        if (has('cancelled')) return null;
        const saved = importedCheck(Math.max(0, ...all.map(({ summary }) => summary.number)) + 1);
        all.unshift(saved);
        return saved.summary;
      }),
    exportCheck: (number, folder, formats) =>
      answer('exportCheck', [number, folder, formats], () => {
        if (has('refused'))
          throw problem(
            'export.unwritable',
            'The export was not written.',
            'No space left on the device.',
            'Choose another folder.',
          );
        const { summary } = find(number);
        const word = summary.headline
          .replace(/<[^>]*>/g, '')
          .toLowerCase()
          .replace(/[^a-z0-9]+/g, '-')
          .replace(/^-|-$/g, '');
        return formats.map((format) => `${folder}/check-${number}-${word}${ENDING[format]}`);
      }),
    summaryText: (number) =>
      answer('summaryText', [number], () => {
        const { summary } = find(number);
        return `# Check ${number}: ${summary.headline}\n\n${summary.environment}, ${summary.started_at}\n`;
      }),
    reveal: (path) => answer('reveal', [path], () => undefined),

    services: (environment) =>
      answer('services', [environment], () => {
        asks += 1;
        return servicesView(environment, has, asks);
      }),
    storageTest: (environment) =>
      answer('storageTest', [environment], () => {
        if (has('services-down'))
          throw problem(
            'api.unreachable',
            'The storage test could not be asked for.',
            'The API cannot be reached.',
            'Try again when it answers.',
          );
        return storageReport(has);
      }),
    serviceLogs: (environment, service) =>
      answer('serviceLogs', [environment, service], () => {
        if (has('railway-unreachable') || has('no-token'))
          throw problem(
            'railway.unreachable',
            'The log cannot be read.',
            'Railway cannot be reached.',
            'Look at your network.',
          );
        logs += 1;
        return serviceLog(service, has, logs);
      }),
    restartService: (environment, service, typed) =>
      answer('restartService', [environment, service, typed], () => {
        if (has('primary') && typed !== 'production')
          throw problem(
            'railway.not_confirmed',
            'Nothing was done: the name of this environment has to be typed first.',
            'Railway calls it production.',
            'If it is the one that is meant, type production to confirm.',
          );
        if (has('refused'))
          throw problem(
            'railway.guard',
            'The restart was refused.',
            'Railway answers with environment id 7f3a…, you confirmed 668c….',
            'Use a token of your staging environment.',
          );
        return restart(service, has);
      }),
    redeployService: (environment, service, typed) =>
      answer('redeployService', [environment, service, typed], () => redeploy(service)),
    verifyRecovery: (number) => answer('verifyRecovery', [number], () => recoveryFound(has)),

    environment: (name) => answer('environment', [name], () => environments.view(name)),
    checkEnvironment: (form) => answer('checkEnvironment', [form], () => formProblems(form)),
    saveEnvironment: (form, previous) =>
      answer('saveEnvironment', [form, previous], () => environments.save(form, previous)),
    removeEnvironment: (name) => answer('removeEnvironment', [name], () => environments.remove(name)),
    setSecret: (environment, field, value, sessionOnly) =>
      answer('setSecret', [environment, field, value, sessionOnly], () =>
        environments.setSecret(environment, field, sessionOnly),
      ),
    clearSecret: (environment, field) =>
      answer('clearSecret', [environment, field], () => environments.clearSecret(environment, field)),
    importRailwayToken: (environment, sessionOnly) =>
      answer('importRailwayToken', [environment, sessionOnly], () => {
        if (has('no-cli'))
          throw problem(
            'railway.no_cli',
            'No token was found.',
            '~/.railway/config.json is not there.',
            'Log in with `railway login`, or paste a token.',
          );
        return environments.setSecret(environment, 'railway_token', sessionOnly);
      }),
    findRailwayIds: (environment, form) =>
      answer('findRailwayIds', [environment, form], () => environments.find_ids(form)),
  };
}
