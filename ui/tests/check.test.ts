import { screen, waitFor, within } from '@testing-library/svelte';
import { describe, expect, it } from 'vitest';
import type { CheckDraft } from '../src/host/types/CheckDraft';
import { axe, heading, open, settle, text } from './kit';

const start = () => screen.getByRole('button', { name: /^Start/ });
const why = () => {
  const button = start();
  return button.getAttribute('aria-disabled') === 'true'
    ? document.getElementById(button.getAttribute('aria-describedby') ?? '')?.textContent
    : null;
};
const box = (name: string | RegExp) => screen.getByRole<HTMLInputElement>('checkbox', { name });
const consent = () => screen.findByRole<HTMLInputElement>('checkbox', { name: /Nobody else needs staging/ });

describe('the first run', () => {
  it('starts a rehearsal in one press, without asking for anything', async () => {
    const { user, sent } = await open('first-run+still');
    await heading('Nothing passes until you have checked it');
    await user.click(screen.getByRole('button', { name: 'Start rehearsal' }));
    await heading('Check 1');
    expect(screen.getByText('rehearsal')).toBeTruthy();
    expect(sent('startCheck')).toMatchObject([
      [{ environment: 'rehearsal', drill: null, simulate: false, parameters: null, confirmed: [] }],
    ]);
    expect((sent('startCheck')[0]?.[0] as CheckDraft).tests).toHaveLength(8);
  });

  it('says why a rehearsal did not start', async () => {
    const { user } = await open('first-run+start-refused');
    await user.click(await screen.findByRole('button', { name: 'Start rehearsal' }));
    expect(text(await screen.findByRole('alert'))).toContain(
      'The check was not started. A deployment of the API began a moment ago.',
    );
    expect(screen.getByRole('button', { name: 'Start rehearsal' })).toBeTruthy();
  });

  it('tells a refused start to a person who has left meanwhile', async () => {
    const { user, door } = await open('first-run');
    let refuse: (reason: unknown) => void = () => undefined;
    door.startCheck = () => new Promise((_, reject) => (refuse = reject));
    await user.click(screen.getByRole('button', { name: 'Start rehearsal' }));
    await user.keyboard('{Control>}2{/Control}');
    await heading('History');
    refuse({ code: 'check.unlockable', message: 'Nothing was started.', remedy: 'Free some space.', fields: [] });
    await screen.findByText('Nothing was started.');
  });

  it('leads to connecting an environment', async () => {
    const { user } = await open('first-run');
    await user.click(await screen.findByRole('button', { name: 'Connect' }));
    await heading('Environments');
    expect(location.hash).toBe('#/environments/staging');
  });

  it('is over when an environment was chosen', async () => {
    const { user } = await open('first-run');
    await user.click(await screen.findByRole('button', { name: /^Environment: No environment yet/ }));
    await user.click(screen.getByRole('menuitemradio', { name: /Built-in rehearsal/ }));
    await heading('New check');
  });

  it('axe finds nothing', async () => {
    const { container } = await open('first-run');
    await heading('Nothing passes until you have checked it');
    await screen.findByText('First generation');
    expect(await axe(container)).toEqual([]);
  });
});

describe('the next check', () => {
  it('names the services that will really be restarted, and starts only with consent', async () => {
    const { user, sent } = await open('still');
    const panel = await screen.findByRole('region', { name: 'Consent to restarts' });
    expect(text(panel)).toContain('These 3 services of environment staging will really be restarted.');
    expect(text(panel)).toMatch(
      /Worker by C1 back in about 5 s ?API by C2 back in about 1 min 5 s ?Postgres by C3 back in about 30 s/,
    );
    await waitFor(() => expect(why()).toBe('Confirm the restarts first'));
    await user.click(start());
    expect(sent('startCheck')).toEqual([]);
    expect(document.activeElement).toBe(await consent());
    await user.click(await consent());
    expect(why()).toBeNull();
    await user.click(start());
    await heading('Check 49');
    expect(sent('startCheck')).toMatchObject([
      [{ environment: 'staging', simulate: false, confirmed: ['worker', 'api', 'postgres'], confirmed_name: null }],
    ]);
  });

  it('has the name typed besides where the target looks like production, for this check only', async () => {
    const { user, sent } = await open('primary+start-refused');
    await user.click(await consent());
    await waitFor(() => expect(why()).toBe('Type the name of the environment first'));
    await user.click(start());
    expect(sent('startCheck')).toEqual([]);
    const field = screen.getByRole<HTMLInputElement>('textbox', { name: "Railway's name of the environment" });
    expect(document.activeElement).toBe(field);
    expect(text(screen.getByRole('region', { name: 'Consent to restarts' }))).toContain(
      'primary environment of its project, project agentverse-staging. Type production to confirm',
    );
    await user.type(field, 'staging');
    expect(why()).toBe('Type the name of the environment first');
    await user.clear(field);
    await user.type(field, 'production');
    await waitFor(() => expect(why()).toBeNull());
    await user.click(start());
    await screen.findByText('The check was not started.');
    expect(sent('startCheck')).toMatchObject([[{ environment: 'staging', confirmed_name: 'production' }]]);
    expect((await consent()).checked).toBe(false);
    expect(field.value).toBe('');
  });

  it('does not remember a consent, not even over a refused start or a look elsewhere', async () => {
    const { user, sent } = await open('start-refused');
    await user.click(await consent());
    await user.click(start());
    await screen.findByText('The check was not started.');
    expect((await consent()).checked).toBe(false);
    await user.click(await consent());
    await user.keyboard('{Control>}2{/Control}');
    await heading('History');
    await user.keyboard('{Control>}1{/Control}');
    expect((await consent()).checked).toBe(false);
    expect(sent('startCheck')).toHaveLength(1);
  });

  it('asks for another consent when other services are restarted', async () => {
    const { user } = await open();
    await user.click(await consent());
    await user.click(box(/^C2/));
    await waitFor(() =>
      expect(text(screen.getByRole('region', { name: 'Consent to restarts' }))).toContain('These 2 services'),
    );
    expect((await consent()).checked).toBe(false);
    await user.click(box('All chaos tests'));
    await user.click(box('All chaos tests'));
    await waitFor(() => expect(screen.queryByRole('region', { name: 'Consent to restarts' })).toBeNull());
    expect(why()).toBeNull();
  });

  it('starts by Ctrl Enter, and not before it can', async () => {
    const { user, sent } = await open('still');
    await consent();
    await user.keyboard('{Control>}{Enter}{/Control}');
    expect(sent('startCheck')).toEqual([]);
    await user.click(await consent());
    await user.keyboard('{Control>}{Enter}{/Control}');
    await heading('Check 49');
  });

  it('with simulated chaos says so everywhere and asks for no consent', async () => {
    const { user, sent } = await open('no-token+still');
    await heading('New check');
    expect(await screen.findByText('Chaos will be simulated.')).toBeTruthy();
    expect(screen.getByText('Simulated')).toBeTruthy();
    await waitFor(() => expect(why()).toBeNull());
    expect(screen.getByText(/restarts simulated/)).toBeTruthy();
    expect(screen.queryByRole('region', { name: 'Consent to restarts' })).toBeNull();
    await user.click(start());
    await heading('Check 49');
    expect(screen.getByText('Chaos simulated')).toBeTruthy();
    expect(sent('startCheck')).toMatchObject([[{ confirmed: [] }]]);
  });

  it('can be simulated by choice, and asks again what that takes', async () => {
    const { user, sent } = await open('still');
    await consent();
    await user.click(screen.getByRole('button', { name: 'Simulate instead' }));
    await waitFor(() => expect(screen.queryByRole('region', { name: 'Consent to restarts' })).toBeNull());
    expect(screen.getByText(/You chose not to restart anything/)).toBeTruthy();
    expect(sent('preflight')).toEqual([
      ['staging', false],
      ['staging', true],
    ]);
    await waitFor(() => expect(why()).toBeNull());
    await user.click(start());
    await heading('Check 49');
    expect(sent('startCheck')).toMatchObject([[{ simulate: true, confirmed: [] }]]);
  });

  it('cannot start where the environment is not ready, and says what to do', async () => {
    const { user, sent } = await open('blocked');
    const notice = await screen.findByText('The environment is not ready, so the check cannot start');
    expect(text(notice.parentElement)).toContain('Open its logs, or restart it and try again.');
    expect(why()).toBe('Preflight failed');
    const rows = within(screen.getByRole('region', { name: 'Preflight' })).getAllByRole('listitem');
    expect(text(rows[0])).toContain('API answers: Not ready.');
    expect(screen.getByText('1 failed')).toBeTruthy();
    await user.keyboard('r');
    await settle();
    expect(sent('preflight')).toHaveLength(2);
    await user.click(screen.getByRole('button', { name: 'Open services and logs' }));
    await heading('Services');
  });

  it('leads to the environment where the configuration is wrong', async () => {
    const { user } = await open('misconfigured');
    await screen.findByText('The configuration is not right, so the check cannot start');
    await user.click(screen.getByRole('button', { name: 'Open environment' }));
    await heading('Environments');
  });

  it('waits for the preflight, and says why it could not be asked', async () => {
    await open('preflight-never');
    await consent();
    await waitFor(() => expect(why()).toBe('Preflight is running'));
    document.body.innerHTML = '';
    await open('preflight-refused');
    await screen.findByText('The rehearsal did not start.');
    await waitFor(() => expect(why()).toBe('Preflight failed'));
  });

  it('does not contact an environment nobody has set up until it is told to', async () => {
    const { user, sent } = await open('first-run');
    await user.click(await screen.findByRole('button', { name: /^Environment: No environment yet/ }));
    await user.click(screen.getByRole('menuitemradio', { name: /staging/ }));
    await heading('New check');
    await screen.findByText(/Nobody has set this environment up yet/);
    expect(sent('preflight')).toEqual([]);
    await waitFor(() => expect(why()).toBe('Run the preflight first'));
    await user.keyboard('r');
    await waitFor(() => expect(sent('preflight')).toEqual([['staging', true]]));
  });

  it('does not start the rehearsal to look at it', async () => {
    const { user, sent } = await open('still');
    await user.click(await screen.findByRole('button', { name: /^Environment: staging/ }));
    await user.click(screen.getByRole('menuitemradio', { name: /Built-in rehearsal/ }));
    await screen.findByText(/The rehearsal is started with the check/);
    expect(sent('preflight')).toEqual([['staging', false]]);
    await waitFor(() => expect(why()).toBeNull());
    expect(screen.queryByRole('region', { name: 'Consent to restarts' })).toBeNull();
    await user.click(screen.getByRole('button', { name: /^Start rehearsal/ }));
    await heading('Check 49');
  });

  it('chooses tests one by one, by group and by suite', async () => {
    const { user, sent } = await open();
    await consent();
    await user.click(box(/^L2/));
    expect(box('All load tests').indeterminate).toBe(true);
    expect(screen.getByRole('button', { name: /^All 8/ }).getAttribute('aria-pressed')).toBe('false');
    await user.click(screen.getByRole('button', { name: /^Load/ }));
    expect([box(/^L1/).checked, box(/^C1/).checked, box('All load tests').checked]).toEqual([true, false, true]);
    await waitFor(() => expect((sent('plan').at(-1)?.[0] as CheckDraft).tests).toEqual(['L1', 'L2', 'L3']));
    await user.click(box('All load tests'));
    await waitFor(() => expect(why()).toBe('Choose a test first'));
  });

  it('names a looser limit before it is started, and resets it', async () => {
    const { user, sent } = await open();
    await consent();
    await user.click(screen.getByLabelText('Amounts of L1'));
    const field = screen.getByLabelText('P95, below');
    await user.clear(field);
    expect(why()).toBe('Mend the marked amounts first');
    await user.type(field, '8000');
    expect(await screen.findByText(/1.limit is looser than in the runbook/)).toBeTruthy();
    expect(screen.getByText(/L1 P95 limit in ms 8000 \(runbook 5000\). The verdict will say so./)).toBeTruthy();
    const asked = sent('plan').map(([draft]) => (draft as CheckDraft).parameters?.l1.p95_limit_ms);
    expect(asked.every((value) => value === undefined || Number.isFinite(value))).toBe(true);
    const panel = screen.getByRole('region', { name: 'Tests' });
    await user.click(within(panel).getAllByRole('button', { name: 'Reset to runbook' })[0] as HTMLElement);
    await waitFor(() => expect(screen.queryByText(/looser than in the runbook/)).toBeNull());
    expect((field as HTMLInputElement).value).toBe('5000');
  });

  it('calls an amount of the rehearsal changed once a person has changed it, and not before', async () => {
    const { user } = await open('still');
    await user.click(await screen.findByRole('button', { name: /^Environment: staging/ }));
    await user.click(screen.getByRole('menuitemradio', { name: /Built-in rehearsal/ }));
    await screen.findByText(/The rehearsal is started with the check/);
    const panel = screen.getByRole('region', { name: 'Tests' });
    await user.click(within(panel).getByLabelText('Amounts of L2'));
    const field = within(panel).getByLabelText<HTMLInputElement>('Queue empty within');
    expect(field.value).toBe('60');
    expect(within(panel).queryByText('changed')).toBeNull();
    await user.clear(field);
    await user.type(field, '90');
    await within(panel).findByText('changed');
    await user.click(within(panel).getByRole('button', { name: 'Reset' }));
    expect(field.value).toBe('60');
    expect(within(panel).queryByText('changed')).toBeNull();
  });

  it('takes no amount a test cannot run with', async () => {
    const { user } = await open();
    await consent();
    await user.click(screen.getByLabelText('Amounts of L1'));
    const field = screen.getByLabelText('Rounds');
    await user.clear(field);
    await user.type(field, '2.5');
    expect(screen.getByText('This needs a whole number.')).toBeTruthy();
    expect(why()).toBe('Mend the marked amounts first');
    await user.clear(field);
    await user.type(field, '0');
    await screen.findByText('l1.rounds must be at least 1.');
    expect(why()).toBe('The tests cannot run with these amounts');
  });

  it('keeps what was put together over a look elsewhere', async () => {
    const { user } = await open();
    await consent();
    await user.click(screen.getByRole('button', { name: /^Verify/ }));
    await user.keyboard('{Control>}2{/Control}');
    await heading('History');
    await user.keyboard('{Control>}1{/Control}');
    await heading('New check');
    await waitFor(() => expect(box(/^REP/).checked).toBe(true));
    expect(box(/^L1/).checked).toBe(false);
  });

  it('says why the plan cannot be made', async () => {
    await open('plan-refused');
    expect(text(await screen.findByRole('alert'))).toContain(
      'The plan cannot be made. The file of this environment cannot be read.',
    );
    await waitFor(() => expect(why()).toBe('The plan cannot be made'));
  });

  it('says why an environment cannot be used', async () => {
    const { user } = await open('broken-environment');
    await heading('New check');
    await user.click(screen.getByRole('button', { name: /^Environment/ }));
    await user.click(screen.getByRole('menuitemradio', { name: /old-eu/ }));
    await screen.findByText('The file of this environment cannot be read.');
    expect(why()).toBe('This environment cannot be used');
  });

  it.each(['still', 'no-token', 'blocked', 'preflight-never', 'plan-refused'])(
    'axe finds nothing in %s',
    async (scene) => {
      const { container } = await open(scene);
      await heading('New check');
      await settle();
      expect(await axe(container)).toEqual([]);
    },
  );
});
