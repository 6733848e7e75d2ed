import { screen, waitFor, within } from '@testing-library/svelte';
import { describe, expect, it } from 'vitest';
import { axe, heading, open, settle, text } from './kit';

const tile = (test: string) => document.querySelector<HTMLElement>(`.tile[data-test="${test}"]`);
const log = () => screen.getByRole('log');

describe('a running check', () => {
  it('shows eight stations with what they measure', async () => {
    await open('mid+still');
    await heading('Check 49');
    await screen.findByRole('region', { name: 'Tests' });
    expect(text(tile('L1'))).toBe('L1 6 s Pass Node expansion P95 1734ms');
    expect(text(tile('C2'))).toContain('Running API restart down 38s');
    expect(text(tile('BUCKET'))).toContain('Bucket Waiting Artifact location ~6 s');
    expect(
      within(tile('C2') as HTMLElement)
        .getByRole('progressbar')
        .getAttribute('aria-label')
        ?.replace(/\u00a0/g, ' '),
    ).toContain('of about 1 min 40');
    expect(screen.getByText('Real restarts')).toBeTruthy();
    expect(screen.getByRole('timer').textContent?.trim()).toMatch(/^3:0[67]$/);
    expect(screen.getByText(/about 2.min 40.s left/)).toBeTruthy();
    expect(screen.getByText(/API has not answered for 38 s/)).toBeTruthy();
  });

  it('with simulated chaos says so on the board, in the head and in the log', async () => {
    const { door } = await open('mid+still+sim');
    await heading('Check 49');
    expect(await screen.findByText('Chaos, simulated')).toBeTruthy();
    expect(screen.getByText('Chaos simulated')).toBeTruthy();
    expect(text(tile('C1'))).toContain('Simulated');
    expect(tile('C1')?.dataset.s).toBe('sim');
    expect(text(log())).toContain('Nothing was restarted');
    await waitFor(() => expect(door.fake.title()).toBe('Check 49 running, chaos simulated: Holdpoint'));
  });

  it('is read in words too', async () => {
    await open('mid+still');
    const line = await screen.findByRole('slider');
    expect(line.getAttribute('aria-label')).toContain('Worker back in 5 s. API down 38 s.');
    line.focus();
    const { user } = { user: (await import('@testing-library/user-event')).default.setup() };
    await user.keyboard('{Home}{ArrowRight}{ArrowRight}');
    expect(line.getAttribute('aria-valuetext')).toMatch(/^0:02: no requests/);
    await user.keyboard('{End}');
    expect(line.getAttribute('aria-valuetext')).toMatch(/^3:0[67], C2: no answer, [23] failed/);
  });

  it('follows what is new', async () => {
    const { door } = await open('live+still');
    await heading('Check 49');
    expect(await screen.findByRole('region', { name: 'Preflight' })).toBeTruthy();
    expect(text(log())).toContain('Check 49 started on staging. Services will really be restarted.');
    door.fake.to(9_000);
    await screen.findByRole('region', { name: 'Time line' });
    expect(text(tile('L1'))).toContain('Running');
    door.fake.to(14_000);
    await waitFor(() => expect(text(tile('L1'))).toContain('Pass'));
    await waitFor(() => expect(document.querySelector('[data-said]')?.textContent).toBe('L1 passed, P95 1734 ms.'));
  });

  it('filters events by kind, by words and by test, and says when nothing matches', async () => {
    const { user } = await open('mid+still');
    await heading('Check 49');
    await screen.findByText(/Check 49 started on staging/);
    await user.click(screen.getByRole('button', { name: 'Faults' }));
    expect(text(log())).not.toContain('Check 49 started');
    expect(text(log())).toContain('Worker restarted.');
    await user.click(screen.getByRole('button', { name: 'Problems' }));
    expect(text(log())).toContain('has not answered for 36 s');
    expect(text(log())).not.toContain('Worker restarted.');
    await user.click(screen.getByRole('button', { name: 'All' }));
    await user.keyboard('{Control>}f{/Control}');
    await user.keyboard('expansions');
    expect(log().querySelector('mark')?.textContent).toBe('expansions');
    expect(screen.getByText('1 of 15 lines')).toBeTruthy();
    await user.keyboard('xyz');
    expect(text(log())).toBe('No line matches.');
    await user.keyboard('{Escape}');
    expect(screen.getByText('15 lines')).toBeTruthy();
    await user.click(tile('C1') as HTMLElement);
    expect(text(log())).not.toContain('API restarted.');
    await user.click(screen.getByRole('button', { name: 'Only C1' }));
    expect(text(log())).toContain('API restarted.');
  });

  it('holds the log still while it is paused, and nothing else', async () => {
    const { door, user } = await open('mid+still');
    await heading('Check 49');
    await screen.findByText(/Check 49 started on staging/);
    await user.keyboard(' ');
    expect(text(log())).toContain('Paused.');
    door.fake.to(226_000);
    await waitFor(() => expect(text(tile('C2'))).toContain('back in'));
    expect(text(log())).not.toContain('API is back.');
    await user.keyboard(' ');
    await waitFor(() => expect(text(log())).toContain('API is back.'));
  });

  it('shows the logs of services apart', async () => {
    const { user } = await open('mid+still');
    await heading('Check 49');
    await user.click(await screen.findByRole('tab', { name: 'Service logs' }));
    expect(text(log())).toContain('Worker C1 Shutting down');
  });

  it('keeps thousands of lines and draws a few hundred', async () => {
    await open('mid+still+busy');
    await heading('Check 49');
    await screen.findByText(/The newest 300 lines/);
    expect(log().querySelectorAll('[data-l]').length).toBe(300);
    expect(text(log())).toContain('journal');
  });

  it('is aborted only when a person says so twice', async () => {
    const { user, sent } = await open('mid+still');
    await heading('Check 49');
    await screen.findByRole('region', { name: 'Time line' });
    await user.keyboard('{Escape}');
    const dialog = await screen.findByRole('dialog', { name: 'Abort check 49?' });
    expect(text(dialog)).toContain(
      'Holdpoint stops sending load at once, then waits until API answers again, so that staging is not left half restarted.',
    );
    expect(text(dialog)).toContain('An aborted check has no verdict. The 4 finished tests stay in History.');
    await waitFor(() => expect(document.activeElement?.textContent?.trim()).toBe('Keep running'));
    await user.keyboard('{Escape}');
    await waitFor(() => expect(screen.queryByRole('dialog')).toBeNull());
    expect(sent('abortCheck')).toEqual([]);
    await user.click(screen.getByRole('button', { name: 'Abort' }));
    await user.click(await screen.findByRole('button', { name: 'Abort safely' }));
    await waitFor(() => expect(sent('abortCheck')).toHaveLength(1));
    const notice = await screen.findByText('Stopping. No more load is sent');
    expect(text(notice.parentElement)).toContain('API has not answered');
    expect(screen.getByRole('button', { name: 'Abort' }).getAttribute('aria-disabled')).toBe('true');
    expect(text(tile('C3'))).toContain('not reached');
    await user.keyboard('{Escape}');
    expect(screen.queryByRole('dialog')).toBeNull();
  });

  it('leads to its verdict when it ends', async () => {
    const { door } = await open('late+still');
    await heading('Check 49');
    await screen.findByRole('region', { name: 'Tests' });
    door.fake.finish();
    expect(await screen.findByRole('region', { name: 'Verdict: GO' })).toBeTruthy();
    expect(location.hash).toBe('#/verdict/49');
    await waitFor(() => expect(document.querySelector('[data-said]')?.textContent).toBe('Check 49 ended: GO.'));
    expect(document.querySelectorAll('.toast').length).toBe(0);
  });

  it('an aborted one leads to no verdict', async () => {
    const { door, user } = await open('mid+still');
    await heading('Check 49');
    await user.click(await screen.findByRole('button', { name: 'Abort' }));
    await user.click(await screen.findByRole('button', { name: 'Abort safely' }));
    await screen.findByText('Stopping. No more load is sent');
    door.fake.finish();
    expect(await screen.findByRole('region', { name: 'Verdict: No verdict, aborted' })).toBeTruthy();
  });

  it('says that this computer is offline, and blames nobody', async () => {
    await open('mid+still+offline');
    const notice = await screen.findByText(/^Holdpoint is offline, not /);
    expect(text(notice.parentElement)).toContain('a check with such a gap has no verdict');
  });

  it('says why it cannot be watched', async () => {
    const { user, sent } = await open('mid+still+watch-refused');
    await heading('Check 49');
    expect(text(await screen.findByRole('alert'))).toContain('The running check cannot be watched.');
    await user.click(screen.getByRole('button', { name: 'Try again' }));
    await settle();
    expect(sent('watchCheck').length).toBe(2);
  });

  it.each(['mid+still', 'mid+still+sim', 'live+still'])('axe finds nothing in %s', async (scene) => {
    const { container } = await open(scene);
    await heading('Check 49');
    await screen.findByRole('region', { name: 'Tests' });
    await settle();
    expect(await axe(container)).toEqual([]);
  });

  it('axe finds nothing in the question of aborting', async () => {
    const { container, user } = await open('mid+still');
    await heading('Check 49');
    await user.click(await screen.findByRole('button', { name: 'Abort' }));
    await screen.findByRole('dialog');
    expect(await axe(container)).toEqual([]);
  });
});
