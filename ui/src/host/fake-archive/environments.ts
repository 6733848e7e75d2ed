/** The environments of the fake: kept in memory, checked and refused as Rust would. */
import type { EnvironmentForm } from '../types/EnvironmentForm';
import type { EnvironmentSummary } from '../types/EnvironmentSummary';
import type { EnvironmentView } from '../types/EnvironmentView';
import type { FieldProblem } from '../types/FieldProblem';
import type { Problem } from '../types/Problem';
import type { RailwayForm } from '../types/RailwayForm';
import type { RailwayFound } from '../types/RailwayFound';
import type { SecretField } from '../types/SecretField';
import type { SecretState } from '../types/SecretState';
import type { SecretView } from '../types/SecretView';
import { API_URL, BUCKET, problem, runbook, SERVICES } from './kit';

interface Secret {
  state: SecretState;
  kind: string | null;
  set_at: string | null;
}

interface Kept {
  form: EnvironmentForm;
  saved: boolean;
  secrets: Map<SecretField, Secret>;
}

const LABELS: [SecretField, string, string][] = [
  ['email', 'Email', 'The account Holdpoint logs in with'],
  ['password', 'Password', 'Its password'],
  ['ops_key', 'Ops API key', 'Reads queue, workers and evidence'],
  ['s3_access_key', 'Storage access key', 'Reads the bucket'],
  ['s3_secret_key', 'Storage secret key', 'Reads the bucket'],
  ['railway_token', 'Railway token', 'Restarts services; without it chaos is simulated'],
];

/** Ids as Railway answers them. */
export function railway(): RailwayForm {
  return {
    url: 'https://backboard.railway.com/graphql/v2',
    project_id: '5d0f7c1e-3b1a-4f62-9c58-0a7e2f41b6d9',
    environment_id: '668ced2e-6da8-4b5d-a915-818580666b01',
    services: {
      api: '8b516747-7745-431b-9a91-a2eb1cc9eab3',
      worker: 'b6edcdd4-a1c0-4d7f-9eda-30aeb12dcf3a',
      web: '093ac3ad-9bb5-43c0-8028-288b4d8faf5b',
      minio: 'b2254168-907d-4d99-9341-5d4cff255d43',
      postgres: 'c41f9a02-6f0e-4f7b-8c6d-52d1b7e0a914',
      redis: '7e02b5d8-19c3-4a66-bd20-c8f40e91a7d3',
    },
  };
}

/** The form of the runbook's staging. */
export function stagingForm(): EnvironmentForm {
  return {
    name: 'staging',
    api_url: API_URL,
    web_url: 'https://agentverse-web-staging-production.up.railway.app',
    storage_url: 'https://agentverse-minio-staging-production.up.railway.app',
    bucket: BUCKET,
    region: 'us-east-1',
    expected_environment: 'staging',
    railway: railway(),
    parameters: runbook(),
  };
}

function rehearsalForm(): EnvironmentForm {
  return {
    name: 'rehearsal',
    api_url: 'http://127.0.0.1:41811',
    web_url: 'http://127.0.0.1:41812',
    storage_url: 'http://127.0.0.1:41813',
    bucket: BUCKET,
    region: 'us-east-1',
    expected_environment: 'staging',
    railway: null,
    parameters: runbook(),
  };
}

const ID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** Every problem of a form, in the words of Rust. */
export function formProblems(form: EnvironmentForm): FieldProblem[] {
  const out: FieldProblem[] = [];
  const add = (field: string, message: string) => out.push({ field, message });
  if (!/^[A-Za-z0-9_-]{1,60}$/.test(form.name))
    add('name', 'A name has 1 to 60 letters, digits, hyphens or underscores.');
  if (form.name === 'rehearsal') add('name', 'This name belongs to the built-in rehearsal. Choose another.');
  const urls: ['api_url' | 'web_url' | 'storage_url', boolean][] = [
    ['api_url', true],
    ['web_url', false],
    ['storage_url', false],
  ];
  for (const [field, needed] of urls) {
    const value = form[field].trim();
    if (value === '' && !needed) continue;
    if (value === '') add(field, 'An environment needs the address of its API.');
    else if (!/^https?:\/\//.test(value)) add(field, `An address starts with https://. Did you mean https://${value}?`);
  }
  if (form.bucket.trim() === '') add('bucket', 'An environment needs the name of its bucket.');
  if (form.railway) {
    if (!ID.test(form.railway.project_id)) add('railway.project_id', 'This is not an id of Railway. Press Find ids.');
    if (!ID.test(form.railway.environment_id))
      add('railway.environment_id', 'This is not an id of Railway. Press Find ids.');
    for (const service of SERVICES) {
      const id = form.railway.services[service];
      if (id !== undefined && id !== '' && !ID.test(id))
        add(`railway.services.${service}`, 'This is not an id of Railway.');
    }
  }
  for (const [part, values] of Object.entries(form.parameters)) {
    for (const [name, value] of Object.entries(values as Record<string, number | string>)) {
      if (typeof value !== 'number') continue;
      if (!Number.isFinite(value) || value < 0) add(`parameters.${part}.${name}`, 'This needs a number of 0 or more.');
    }
  }
  if (form.parameters.l1.rounds === 0) add('parameters.l1.rounds', 'L1 needs at least 1 round.');
  return out;
}

/** The environments of a scene and what is done to them. */
export class Environments {
  private readonly kept = new Map<string, Kept>();

  constructor(private readonly has: (word: string) => boolean) {
    if (!has('first-run')) {
      const secrets = new Map<SecretField, Secret>();
      for (const [field] of LABELS) {
        if (field === 'railway_token' && has('no-token')) continue;
        secrets.set(field, {
          state: 'keychain',
          kind: field === 'railway_token' ? 'project token' : null,
          set_at: '2026-01-09T08:14:00Z',
        });
      }
      this.kept.set('staging', { form: stagingForm(), saved: true, secrets });
    } else {
      this.kept.set('staging', { form: { ...stagingForm(), railway: null }, saved: false, secrets: new Map() });
    }
  }

  private keychain(): Problem | null {
    if (this.has('keychain-locked'))
      return problem(
        'keychain.locked',
        'The system keychain is locked.',
        'Holdpoint cannot read or keep secrets there.',
        'Unlock it, or enter the token for this session only.',
      );
    if (this.has('keychain-absent'))
      return problem(
        'keychain.unavailable',
        'There is no system keychain.',
        'No Secret Service answers on this computer.',
        'Install one (GNOME Keyring or KWallet), or enter secrets for this session only.',
      );
    return null;
  }

  private find(name: string): Kept {
    const kept = this.kept.get(name);
    if (!kept) throw problem('environment.unknown', `There is no environment ${name}.`, '', 'Choose another.');
    return kept;
  }

  /** As lists show them; the built-in one last. */
  summaries(): EnvironmentSummary[] {
    const out = [...this.kept.values()].map(({ form, saved, secrets }): EnvironmentSummary => {
      const token = secrets.has('railway_token') && !this.keychain() && form.railway !== null;
      return {
        name: form.name,
        kind: 'staging',
        host: form.api_url.replace(/^https?:\/\//, ''),
        chaos: token ? 'real' : 'simulated',
        note: token ? 'Railway, project token' : 'no token, restarts are simulated',
        saved,
        problem: null,
      };
    });
    if (this.has('broken-environment')) {
      out.push({
        name: 'old-eu',
        kind: 'staging',
        host: '',
        chaos: 'simulated',
        note: '',
        saved: true,
        problem: problem(
          'environment.unreadable',
          'The file of this environment cannot be read.',
          'expected `,` at line 4 column 2',
          'Mend the file, or remove the environment.',
        ),
      });
    }
    out.push({
      name: 'rehearsal',
      kind: 'rehearsal',
      host: 'this computer',
      chaos: 'real',
      note: 'built in, restarts are real',
      saved: false,
      problem: null,
    });
    return out;
  }

  view(name: string): EnvironmentView {
    if (name === 'rehearsal')
      return { kind: 'rehearsal', built_in: true, saved: false, form: rehearsalForm(), secrets: [], keychain: null };
    if (name === 'old-eu')
      throw problem(
        'environment.unreadable',
        'The file of this environment cannot be read.',
        'expected `,` at line 4 column 2',
        'Mend the file, or remove the environment.',
      );
    const { form, saved, secrets } = this.find(name);
    const keychain = this.keychain();
    return {
      kind: 'staging',
      built_in: false,
      saved,
      form: structuredClone(form),
      keychain,
      secrets: LABELS.map(([field, label, purpose]): SecretView => {
        const secret = secrets.get(field);
        const shown: Secret =
          secret?.state === 'session'
            ? secret
            : keychain
              ? { state: 'unknown', kind: null, set_at: null }
              : (secret ?? { state: 'absent', kind: null, set_at: null });
        return { field, label, purpose, ...shown };
      }),
    };
  }

  save(form: EnvironmentForm, previous: string | null): EnvironmentView {
    const fields = formProblems(form);
    if (fields.length > 0 || this.has('refused-save')) {
      throw {
        ...problem(
          'form.invalid',
          'The environment was not saved.',
          'Some fields hold values that cannot be used.',
          'Change the marked fields and save again.',
        ),
        fields,
      };
    }
    const secrets =
      (previous !== null ? this.kept.get(previous)?.secrets : undefined) ?? new Map<SecretField, Secret>();
    if (previous !== null && previous !== form.name) this.kept.delete(previous);
    this.kept.set(form.name, { form: structuredClone(form), saved: true, secrets });
    return this.view(form.name);
  }

  remove(name: string): void {
    this.find(name);
    this.kept.delete(name);
    if (name === 'staging') {
      this.kept.set('staging', { form: { ...stagingForm(), railway: null }, saved: false, secrets: new Map() });
    }
  }

  setSecret(name: string, field: SecretField, sessionOnly: boolean): EnvironmentView {
    const keychain = this.keychain();
    if (keychain && !sessionOnly) throw keychain;
    this.find(name).secrets.set(field, {
      state: sessionOnly ? 'session' : 'keychain',
      kind: field === 'railway_token' ? 'project token' : null,
      set_at: new Date().toISOString(),
    });
    return this.view(name);
  }

  clearSecret(name: string, field: SecretField): EnvironmentView {
    this.find(name).secrets.delete(field);
    return this.view(name);
  }

  find_ids(form: EnvironmentForm): RailwayFound {
    if (this.has('railway-unreachable'))
      throw problem(
        'railway.unreachable',
        'Railway cannot be reached.',
        'backboard.railway.com got no answer within 10 s.',
        'Look at your network and try again.',
      );
    if (this.has('no-token'))
      throw problem(
        'railway.no_token',
        'There is no Railway token.',
        '',
        'Set a token first, or import it from the Railway CLI.',
      );
    const truth = railway();
    const other = this.has('other-environment');
    return {
      asked_at: new Date().toISOString(),
      token_kind: 'project token',
      project: { id: truth.project_id, name: 'agentverse' },
      environment: other
        ? { id: '7f3a0b52-1c5d-4d10-8f27-6b0a9c1e44d0', name: 'production' }
        : { id: truth.environment_id, name: 'staging' },
      matches: !other && JSON.stringify(form.railway?.environment_id) === JSON.stringify(truth.environment_id),
      services: [
        ...SERVICES.map((service) => ({
          service,
          id: truth.services[service] ?? '',
          name: `agentverse-${service}-staging`,
        })),
        { service: null, id: 'f00dfeed-0000-4000-8000-00000000beef', name: 'grafana' },
      ],
    };
  }
}
