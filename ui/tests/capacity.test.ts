import { screen, waitFor, within } from '@testing-library/svelte';
import { beforeEach, describe, expect, it } from 'vitest';
import { next, Next } from '../src/capacity/draft.svelte';
import { CapacityModel, KEEP } from '../src/capacity/live.svelte';
import type { CapacityLive } from '../src/host/types/CapacityLive';
import { axe, heading, open, settle, text } from './kit';

beforeEach(() => {
  Object.assign(next, new Next());
  const fresh = new Next();
  for (const name of [
    'who',
    'step',
    'folder',
    'master',
    'what',
    'test',
    'further',
    'operations',
    'url',
    'model',
    'numbers',
    'stages',
    'poisson',
    'thresholds',
  ] as const)
    (next as unknown as Record<string, unknown>)[name] = fresh[name];
});

const start = () => screen.getByRole('button', { name: /Start load/ });
const planned = () =>
  waitFor(() =>
    expect(text(screen.getByRole('region', { name: 'Where the load goes' }))).toContain('20 a second for 30 s'),
  );

describe('the next capacity run', () => {
  it('goes to staging only after a person agreed, and the consent is spent with the start', async () => {
    const { user, sent } = await open('', '#/capacity');
    await heading('Capacity');
    await planned();
    await user.click(start());
    expect(sent('startCapacity')).toEqual([]);
    await user.click(screen.getByRole('checkbox', { name: /I may load it/ }));
    await user.click(start());
    await waitFor(() => expect(sent('startCapacity')).toHaveLength(1));
    expect(sent('startCapacity')[0]?.[0]).toEqual({
      environment: 'staging',
      engine: { engine: 'own' },
      target: { what: 'operations', operations: ['health'] },
      model: { model: 'rate', per_second: 20, seconds: 30, poisson: false },
      in_flight: 1000,
      thresholds: ['p95<500ms', 'failures<1%'],
      confirmed: 'https://agentverse-api-staging-production.up.railway.app',
    });
    await heading('Capacity run 4');
  });

  it('of the rehearsal stays on this computer and needs no consent', async () => {
    const { user, sent } = await open('', '#/capacity');
    await user.keyboard('{Control>}e{/Control}');
    await user.click(await screen.findByRole('menuitemradio', { name: /rehearsal/ }));
    await waitFor(() => expect(screen.queryByRole('checkbox', { name: /I may load it/ })).toBeNull());
    await planned();
    expect(text(screen.getByRole('region', { name: 'Where the load goes' }))).toContain('nothing leaves 127.0.0.1');
    await user.keyboard('{Control>}{Enter}{/Control}');
    await waitFor(() =>
      expect(sent('startCapacity')[0]?.[0]).toMatchObject({ environment: 'rehearsal', confirmed: null }),
    );
  });

  it('a consent is for what was shown: another load needs another one', async () => {
    const { user } = await open('', '#/capacity');
    await planned();
    const box = screen.getByRole<HTMLInputElement>('checkbox', { name: /I may load it/ });
    await user.click(box);
    expect(box.checked).toBe(true);
    await user.type(screen.getByLabelText('Requests a second'), '0');
    await waitFor(() => expect(box.checked).toBe(false));
  });

  it('tells every problem at its field and starts nothing with one', async () => {
    const { user, sent } = await open('', '#/capacity');
    await planned();
    await user.clear(screen.getByLabelText('Requests a second'));
    expect(await screen.findByText('This needs a number.')).toBeTruthy();
    await user.type(screen.getByLabelText('Requests a second'), '0');
    expect(await screen.findByText(/give a rate above 0/)).toBeTruthy();
    await user.clear(screen.getByLabelText('Requests a second'));
    await user.type(screen.getByLabelText('Requests a second'), '20');
    await user.type(screen.getByLabelText('One a line'), '\nquick please');
    expect(await screen.findByText('“quick please” is no threshold.')).toBeTruthy();
    await user.click(screen.getByRole('button', { name: 'An address' }));
    await user.clear(screen.getByLabelText('Address'));
    await user.type(screen.getByLabelText('Address'), 'https://example.org/');
    expect(await screen.findByText('example.org is no host of staging.')).toBeTruthy();
    await user.click(start());
    await user.keyboard('{Control>}{Enter}{/Control}');
    expect(sent('startCapacity')).toEqual([]);
  });

  it('says beforehand what so few requests will not tell', async () => {
    const { user } = await open('', '#/capacity');
    await user.clear(await screen.findByLabelText('For how long'));
    await user.type(screen.getByLabelText('For how long'), '5');
    expect(text(await screen.findByText(/at least 299 are needed to tell/))).toContain('100 requests');
  });

  it('sends every model as it is chosen', async () => {
    const { user, sent } = await open('', '#/capacity');
    await planned();
    const last = () => (sent('planCapacity').at(-1)?.[0] as { model: unknown }).model;
    for (const [name, model] of [
      ['Users', { model: 'users', users: 20, think: 1, seconds: 30 }],
      ['Rounds', { model: 'rounds', concurrency: 20, rounds: 3 }],
      ['Stages', { model: 'stages', stages: '0-50:30s, 50:1m', poisson: false }],
      ['Find the limit', { model: 'limit', from: 10, up_to: 500, seconds: 30, poisson: false }],
    ] as const) {
      await user.click(screen.getByRole('button', { name }));
      await waitFor(() => expect(last()).toEqual(model));
    }
  });

  it('a refusal stays on the screen', async () => {
    const { user } = await open('capacity-refused', '#/capacity');
    await planned();
    await user.click(screen.getByRole('checkbox', { name: /I may load it/ }));
    await user.click(start());
    expect(text(await screen.findByRole('alert'))).toContain('The environment is being checked already.');
    expect(screen.getByRole<HTMLInputElement>('checkbox', { name: /I may load it/ }).checked).toBe(false);
  });
});

describe('a load that workers of Locust send', () => {
  const who = (name: RegExp) => screen.getByRole('radio', { name });
  /** Until the plan is one of what was chosen last. */
  const ready = (name: RegExp) =>
    waitFor(() => expect(screen.getByRole('button', { name }).getAttribute('aria-disabled')).not.toBe('true'));

  it('on this computer takes a number of workers, and tells what they cannot do at its field', async () => {
    const { user, sent } = await open('', '#/capacity');
    await planned();
    expect(screen.queryByLabelText('Workers')).toBeNull();
    await user.click(who(/^Locust on this computer/));
    const workers = screen.getByLabelText('Workers');
    await user.clear(workers);
    await user.type(workers, '65');
    expect(await screen.findByText('This computer takes 1 to 64 workers.')).toBeTruthy();
    await user.clear(workers);
    await user.type(workers, '3');
    await user.click(screen.getByRole('button', { name: 'Find the limit' }));
    expect(await screen.findByText(/looked for by this computer’s own engine/)).toBeTruthy();
    await user.click(screen.getByRole('button', { name: 'Arrival rate' }));
    await planned();
    await user.click(await screen.findByRole('checkbox', { name: /I may load it/ }));
    await user.click(start());
    await waitFor(() =>
      expect(sent('startCapacity')[0]?.[0]).toMatchObject({ engine: { engine: 'locust', workers: 3 } }),
    );
  });

  it('can be a test of the runbook, whose amount and criteria are its own', async () => {
    const { user, sent } = await open('', '#/capacity');
    await planned();
    expect(screen.queryByRole('button', { name: 'A test of the runbook' })).toBeNull();
    await user.click(who(/^Locust on this computer/));
    await user.click(screen.getByRole('button', { name: 'A test of the runbook' }));
    expect(text(await screen.findByText('failures<=0, p95<5000ms'))).toBeTruthy();
    expect(screen.queryByRole('region', { name: 'How much' })).toBeNull();
    expect(await screen.findByText(/only in a check: the audit of the graph/)).toBeTruthy();
    await user.type(screen.getByLabelText('Further ones, one a line'), 'max<9s');
    await waitFor(() =>
      expect(sent('planCapacity').at(-1)?.[0]).toMatchObject({
        target: { what: 'test', test: 'L1' },
        thresholds: ['max<9s'],
      }),
    );
    // By this computer alone there is no such load.
    await user.click(who(/^This computer/));
    await waitFor(() =>
      expect(sent('planCapacity').at(-1)?.[0]).toMatchObject({
        target: { what: 'operations' },
        engine: { engine: 'own' },
      }),
    );
  });

  it('is written down for others as a package or a script, which sends nothing', async () => {
    const { user, sent } = await open('', '#/capacity');
    await planned();
    await user.click(who(/^A Locust master that runs elsewhere/));
    expect(text(screen.getByRole('region', { name: 'Where the load goes' }))).toContain('Nothing is sent.');
    expect(screen.queryByRole('checkbox', { name: /I may load it/ })).toBeNull();
    await planned();
    await ready(/Write k6 script…/);
    await user.click(screen.getByRole('button', { name: 'Write k6 script…' }));
    expect(text(await screen.findByText('/home/mira/Reports/holdpoint-k6.js'))).toBeTruthy();
    await screen.findByText(/Not judged by Holdpoint, as its first line says/);
    await user.click(screen.getByRole('button', { name: /Write package…/ }));
    await screen.findByText('/home/mira/Reports/holdpoint-locust');
    expect(sent('writePackage')[0]?.[0]).toMatchObject({ target: { what: 'url', url: '/health' } });
    expect(sent('startCapacity')).toEqual([]);
    await user.click(screen.getByRole('button', { name: 'Go on to join it' }));
    expect(await screen.findByLabelText('Address of the master’s page')).toBeTruthy();
    expect(text(screen.getByRole('region', { name: 'The package' }))).toContain('/home/mira/Reports/holdpoint-locust');
  });

  it('is not written where no folder was picked', async () => {
    const { user, sent } = await open('cancelled', '#/capacity');
    await planned();
    await user.click(who(/^A Locust master that runs elsewhere/));
    await ready(/Write package…/);
    await user.click(screen.getByRole('button', { name: /Write package…/ }));
    await waitFor(() => expect(sent('pickFolder')).toHaveLength(1));
    await settle();
    expect(sent('writePackage')).toEqual([]);
  });

  it('joins a master with a consent and a header that is not kept', async () => {
    const { user, sent } = await open('', '#/capacity');
    await planned();
    await user.click(who(/^A Locust master that runs elsewhere/));
    await user.click(screen.getByRole('button', { name: 'Join the master' }));
    expect(screen.queryByRole('region', { name: 'How much' })).toBeNull();
    await user.click(start());
    await user.click(screen.getByRole('button', { name: 'Choose…' }));
    const address = screen.getByLabelText('Address of the master’s page');
    await user.type(address, 'master:8089');
    expect(await screen.findByText('This is not the address of a page.')).toBeTruthy();
    await user.clear(address);
    await user.type(address, 'http://10.0.0.5:8089');
    await user.type(screen.getByLabelText('Header, where a login stands before it'), 'Authorization: Bearer abc');
    expect(JSON.stringify(sent('planPackage'))).not.toContain('Bearer');
    await waitFor(() =>
      expect(text(screen.getByRole('region', { name: 'Where the load goes' }))).toContain('2000 a second for 5 min'),
    );
    await user.click(await screen.findByRole('checkbox', { name: /I may load it/ }));
    await user.click(start());
    await waitFor(() => expect(sent('joinMaster')).toHaveLength(1));
    expect(sent('joinMaster')[0]).toEqual([
      {
        environment: 'staging',
        package: '/home/mira/Reports',
        master: 'http://10.0.0.5:8089',
        thresholds: ['p95<500ms', 'failures<1%'],
        confirmed: 'https://agentverse-api-staging-production.up.railway.app',
      },
      'Authorization: Bearer abc',
    ]);
    await heading('Capacity run 4');
    expect(JSON.stringify(next)).not.toContain('Bearer');
  });

  it('is judged by the evidence that somebody brought', async () => {
    const { user, sent } = await open('', '#/capacity');
    await planned();
    await user.click(who(/^A Locust master that runs elsewhere/));
    await user.click(screen.getByRole('button', { name: 'Judge evidence' }));
    expect(text(screen.getByRole('region', { name: 'Where the load goes' }))).toContain('Nowhere: nothing is sent');
    await user.click(screen.getByRole('button', { name: 'Choose…' }));
    await ready(/Judge evidence…/);
    await user.click(screen.getByRole('button', { name: /Judge evidence…/ }));
    await heading('Capacity run 3');
    expect(sent('judgeEvidence')[0]?.[0]).toMatchObject({ package: '/home/mira/Reports', master: null });
  });

  it('cannot pause, says who sends, and takes the other orders', async () => {
    const { user, sent } = await open('capacity-locust+still', '#/capacity');
    await heading('Capacity run 4');
    await screen.findByText(/sent by 2 workers of Locust on this computer/);
    expect(screen.queryByRole('button', { name: 'Pause' })).toBeNull();
    expect(screen.getByText('Latency')).toBeTruthy();
    await user.click(screen.getByRole('button', { name: 'Drain' }));
    expect(sent('orderCapacity')).toEqual([['drain']]);
  });

  it('led by a master elsewhere draws no latency that nobody has told', async () => {
    const { user } = await open('capacity-master+still', '#/capacity');
    await screen.findByText(/sent by 4 workers of the master at http:\/\/10\.0\.0\.5:8089/);
    expect(screen.queryByText('Latency')).toBeNull();
    expect(screen.getByText('Requests/s')).toBeTruthy();
    const line = screen.getByRole('slider');
    line.focus();
    await user.keyboard('{Home}');
    expect(line.getAttribute('aria-valuetext')).toMatch(/^0:00: \d+ ok/);
    expect(text(screen.getByRole('region', { name: 'Failures by class' }))).toContain('Told with the evidence');
  });

  it('says what is being made first', async () => {
    await open('capacity-making+still', '#/capacity');
    await screen.findByRole('heading', { name: 'Locust is being made ready' });
    expect(screen.getByText(/Making an environment of Python for Locust, once/)).toBeTruthy();
  });

  it('says what to install where Locust cannot run', async () => {
    const { door } = await open('capacity-locust+capacity-no-python+still', '#/capacity');
    await heading('Capacity run 4');
    door.capacity.finish();
    await heading('Capacity');
    expect(text(await screen.findByRole('alert'))).toContain('apt-get install python3-venv');
  });

  it('of which a worker vanished is worth nothing, with its name', async () => {
    await open('capacity-doubts', '#/capacity/3');
    const alert = text(await screen.findByRole('alert'));
    expect(alert).toContain('worker 1 (loader-b, process 4712): it vanished');
    expect(await screen.findByRole('region', { name: 'Workers' })).toBeTruthy();
  });
});

describe('a running load', () => {
  it('shows its counts, its tracks and its failures, and takes orders', async () => {
    const { user, door, sent } = await open('capacity-live+still', '#/capacity');
    await heading('Capacity run 4');
    expect(text(screen.getByRole('region', { name: 'So far' }))).toMatch(/4\d\d ended well/);
    expect(text(screen.getByRole('region', { name: 'Failures by class' }))).toContain('rate_limited');
    const line = screen.getByRole('slider');
    line.focus();
    await user.keyboard('{Home}');
    expect(line.getAttribute('aria-valuetext')).toMatch(/^0:00: P50 \d+/);
    await user.click(screen.getByRole('button', { name: 'Pause' }));
    await screen.findByText(/What was due meanwhile is moved/);
    await user.click(screen.getByRole('button', { name: 'Go on' }));
    await user.click(screen.getByRole('button', { name: 'Drain' }));
    await user.click(await screen.findByRole('button', { name: 'Abort' }));
    expect(sent('orderCapacity').map(([order]) => order)).toEqual(['pause', 'go', 'drain', 'abort']);
    await screen.findByText(/The result is being saved/);
    door.capacity.finish();
    await waitFor(() => expect(location.hash).toBe('#/capacity/4'));
    await heading('Capacity run 4');
  });

  it('in search of the limit names the rates that were tried', async () => {
    await open('capacity-limit+still', '#/capacity');
    const tried = await screen.findByRole('region', { name: 'Rates that were tried' });
    const rows = within(tried).getAllByRole('row').map(text);
    expect(rows[1]).toContain('20.0Met');
    expect(rows[2]).toContain('20.0Too few to tell');
  });

  it('is seen in the navigation from every screen, and is told when it ends', async () => {
    const { door } = await open('capacity-live+still', '#/drills');
    await heading('Drills');
    const link = screen.getByRole('link', { name: /Capacity/ });
    expect(text(link)).toContain('running');
    door.fake.tell({ what: 'capacity-ended', number: 4 });
    expect(await screen.findByText('Capacity run 4 has ended.')).toBeTruthy();
  });

  it('that could not be prepared leads back to the form with the reason', async () => {
    const { door } = await open('capacity-live+still+capacity-unprepared', '#/capacity');
    await heading('Capacity run 4');
    door.capacity.finish();
    await heading('Capacity');
    expect(text(await screen.findByRole('alert'))).toContain('The load could not be prepared.');
  });

  it('keeps a bounded number of seconds, and the first message replaces all', () => {
    const model = new CapacityModel();
    const point = { ok: 1, failed: 0, p50_ms: 1, p95_ms: 1, p99_ms: 1, in_flight: 0, lag_ms: 0 };
    const message = (whole: boolean, from: number, count: number): CapacityLive => ({
      whole,
      state: {} as CapacityLive['state'],
      points: Array.from({ length: count }, (_, k) => ({ ...point, at_ms: (from + k) * 1000 })),
    });
    model.take(message(true, 0, KEEP));
    model.take(message(false, KEEP, 16));
    expect(model.points.length).toBeLessThan(KEEP);
    expect(model.points.at(-1)?.at_ms).toBe((KEEP + 15) * 1000);
    model.take(message(true, 0, 3));
    expect(model.points).toHaveLength(3);
  });
});

describe('past capacity runs', () => {
  it('are listed, and one opens with what was measured and what it means', async () => {
    const { user } = await open('', '#/capacity');
    const past = await screen.findByRole('region', { name: 'Past capacity runs' });
    await waitFor(() => expect(within(past).getAllByRole('row')).toHaveLength(4));
    expect(text(within(past).getAllByRole('row')[3])).toContain('Cut off');
    await user.click(within(past).getAllByRole('link', { name: /every threshold is met/ })[0] as HTMLElement);
    await heading('Capacity run 3');
    const figures = await screen.findByRole('region', { name: 'Figures' });
    expect(text(figures)).toContain('no GO and no NO-GO');
    const rows = within(screen.getByRole('region', { name: 'Thresholds' }))
      .getAllByRole('row')
      .map(text);
    expect(rows[1]).toMatch(/below 201\.0 ms ?Met/);
    expect(rows[2]).toMatch(/Too few to tell ?290 operations/);
    expect(text(screen.getByRole('region', { name: 'What the figures mean' }))).toContain('waiting for others');
    expect(document.querySelector('.vd')).toBeNull();
  });

  it('of an unfit computer say so before anything else', async () => {
    await open('capacity-unfit', '#/capacity/2');
    expect(text(await screen.findByRole('alert'))).toContain('These figures are worth nothing');
  });

  it('are exported in three formats', async () => {
    const { user, sent } = await open('', '#/capacity/3');
    await user.click(await screen.findByRole('button', { name: 'Export' }));
    const dialog = await screen.findByRole('dialog', { name: 'Export capacity run 3' });
    await user.click(within(dialog).getByRole('button', { name: 'Export' }));
    await waitFor(() =>
      expect(sent('exportCapacity')).toEqual([[3, '/home/mira/Downloads', ['markdown', 'json', 'hdr_log']]]),
    );
    expect(text(dialog)).toContain('capacity-3.hlog');
  });

  it('come from files too', async () => {
    const { user, door } = await open('', '#/capacity');
    await user.click(await screen.findByRole('button', { name: 'Open a file' }));
    await heading('Capacity run 3');
    door.fake.tell({ what: 'capacity-opened', number: 2 });
    await heading('Capacity run 2');
  });

  it('that are gone say so', async () => {
    await open('', '#/capacity/77');
    expect(text(await screen.findByRole('alert'))).toContain('There is no capacity run 77.');
  });

  it('none yet', async () => {
    await open('capacity-none', '#/capacity');
    expect(await screen.findByRole('heading', { name: 'No capacity runs yet' })).toBeTruthy();
  });
});

describe('axe finds nothing', () => {
  for (const [step, first] of [
    ['write', 'What is asked'],
    ['join', 'The package'],
    ['judge', 'The package'],
  ] as const)
    it(`with a master that runs elsewhere: ${step}`, async () => {
      Object.assign(next, { who: 'master', step });
      const { container } = await open('', '#/capacity');
      await screen.findByRole('region', { name: first });
      await settle();
      expect(await axe(container)).toEqual([]);
    });
  for (const [scene, hash, ready] of [
    ['', '#/capacity', 'Capacity'],
    ['capacity-limit+still', '#/capacity', 'Capacity run 4'],
    ['capacity-master+still', '#/capacity', 'Capacity run 4'],
    ['capacity-unfit', '#/capacity/2', 'Capacity run 2'],
  ] as const)
    it(`${hash} ${scene}`, async () => {
      const { container } = await open(scene, hash);
      await heading(ready);
      await settle();
      expect(await axe(container)).toEqual([]);
    });
});
