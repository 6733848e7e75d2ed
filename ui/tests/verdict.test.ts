import { screen, waitFor, within } from '@testing-library/svelte';
import { describe, expect, it } from 'vitest';
import { HOSTILE } from './archive-kit';
import { axe, heading, open, settle, text } from './kit';

const banner = () => screen.findByRole('region', { name: /^Verdict:/ });

describe('a verdict', () => {
  it.each<[string, number, string, string, string[]]>([
    ['GO', 48, 'Verdict: GO', 'go', ['All 18 criteria are met.', 'Limits as in the runbook']],
    ['NO-GO', 47, 'Verdict: NO-GO', 'nogo', ['2 of 18 criteria are not met']],
    ['GO, simulated', 46, 'Verdict: GO, chaos simulated', 'sim', ['Nothing was restarted.', 'GO chaos simulated']],
    [
      'NO-GO, simulated',
      40,
      'Verdict: NO-GO, chaos simulated',
      'nogo',
      ['Nothing was restarted.', 'NO-GO chaos simulated'],
    ],
    ['a rehearsal', 42, 'Verdict: GO, rehearsal', 'go', ['rehearsal', 'A rehearsal says nothing about staging']],
    [
      'a waiver',
      38,
      'Verdict: GO, with 1 waiver',
      'waived',
      ['GO with 1 waiver', 'Waived by M. Okafor until', 'Known race'],
    ],
    [
      'a looser limit',
      35,
      'Verdict: GO, 1 limit looser',
      'go',
      ['1 limit looser than in the runbook: L1: P95 limit 6000 ms'],
    ],
    [
      'part of the suite',
      44,
      'Verdict: No verdict, load only',
      'none',
      ['NO VERDICT load only', 'Only a check of all 8 tests can answer GO.'],
    ],
    [
      'aborted',
      39,
      'Verdict: No verdict, aborted',
      'none',
      ['NO VERDICT aborted', 'A person aborted the check at 2:31.'],
    ],
    ['cut off', 37, 'Verdict: No verdict, cut off', 'none', ['NO VERDICT cut off', 'listed below']],
    [
      'an unfit computer',
      34,
      'Verdict: No verdict, unfit computer',
      'none',
      ['late by up to 412 ms', 'Close what keeps this computer busy'],
    ],
    ['unproven', 33, 'Verdict: No verdict, not proven', 'none', ['Not proven: C1.fault.']],
    ['not ready', 31, 'Verdict: No verdict, not ready', 'none', ['In the way: api.reachable.']],
    [
      'another runner',
      36,
      'Verdict: No verdict, another runner, chaos simulated',
      'none',
      ['judges only what it can read back'],
    ],
  ])('of %s is drawn with everything that belongs to it', async (_, number, name, look, parts) => {
    const { door } = await open('', `#/verdict/${number}`);
    const region = await banner();
    expect(region.getAttribute('aria-label')?.replace(/\u00a0/g, ' ')).toBe(name);
    expect(region.dataset.v).toBe(look);
    for (const part of parts) expect(text(region)).toContain(part);
    const { summary } = await door.report(number, false);
    await waitFor(() => expect(door.fake.title()).toBe(`Check ${number}: ${summary.headline}: Holdpoint`));
  });

  it('shows the fix plan first when it is NO-GO', async () => {
    await open('', '#/verdict/47');
    const plan = await screen.findByRole('region', { name: 'Fix plan' });
    const criteria = screen.getByRole('region', { name: 'Criteria' });
    expect(plan.compareDocumentPosition(criteria) & Node.DOCUMENT_POSITION_FOLLOWING).toBeTruthy();
    expect(text(plan)).toContain('Happened They were executing when the worker was restarted');
    expect(text(plan)).toContain('Likely cause The worker acknowledges a task');
    expect(text(plan)).toContain('Do next Acknowledge late');
    expect(text(plan)).toContain('1:32 run 8f21c0d4: tick 8 of 40');
  });

  it('shows each criterion with its limit, its margin, its bound and how sure it is; what is not met first', async () => {
    await open('', '#/verdict/47');
    const table = await screen.findByRole('region', { name: 'Criteria' });
    expect(text(table)).toContain('16 of 18 met, 2 not met');
    const rows = within(table).getAllByRole('row').slice(1);
    expect(text(rows[0])).toMatch(/^C1 ?Stuck runs ?2 of 8 ?0 ?proven ?Not met/);
    expect(text(rows[1])).toContain('Not met');
    expect(text(table)).toMatch(/1636 ms \(n = 60\) ?95% bound ≤ 1669 ms ?< 5000 ms ?margin \+3364 ms ?observed ?Met/);
  });

  it('shows recovery beside earlier checks, or that nothing was measured', async () => {
    await open('', '#/verdict/48');
    const recovery = await screen.findByRole('region', { name: 'Recovery' });
    expect(text(recovery)).toMatch(/Worker 5(\.\d)? s, limit 180 s, 5(\.\d)? s to 5(\.\d)? s before/);
    expect(text(recovery)).toContain('2 of 3 restarts proven by another process');
  });

  it('of simulated chaos has no recovery', async () => {
    await open('', '#/verdict/46');
    expect(text(await screen.findByRole('region', { name: 'Recovery' }))).toContain(
      'Not measured Nothing was restarted, so there is nothing to recover from.',
    );
    expect(text(screen.getByRole('region', { name: 'Not checked' }))).toContain(
      'Recovery after a restart: nothing was restarted',
    );
    expect(text(screen.getByRole('region', { name: 'Tests' }))).toContain('Simulated: nothing was restarted');
  });

  it('names what was left behind, and what the preflight said where it was in the way', async () => {
    await open('', '#/verdict/31');
    expect(text(await screen.findByRole('region', { name: 'Preflight' }))).toContain(
      'API answers: Not ready. no answer within 10 s',
    );
    expect(text(screen.getByRole('region', { name: 'What is left' }))).toContain('storage-test/7c02.txt');
  });

  it('stays text, whatever it holds', async () => {
    await open('hostile', '#/verdict/47');
    const region = await banner();
    expect(text(region)).toContain(HOSTILE);
    expect(document.querySelector('main img, main script')).toBeNull();
    expect(document.title).not.toBe('owned');
  });

  it('that cannot be read says why', async () => {
    const { user } = await open('', '#/verdict/4711');
    expect(text(await screen.findByRole('alert'))).toContain('There is no check 4711.');
    await user.click(screen.getByRole('button', { name: 'Open History' }));
    await heading('History');
  });
});

describe('what can be done with a verdict', () => {
  it('exports it and names the files', async () => {
    const { user, sent } = await open('', '#/verdict/46');
    await banner();
    await user.click(screen.getByRole('button', { name: 'Export…' }));
    const dialog = await screen.findByRole('dialog', { name: 'Export check 46' });
    expect(text(dialog)).toContain('/home/mira/Downloads');
    await user.click(within(dialog).getByRole('checkbox', { name: /JSON/ }));
    await user.click(within(dialog).getByRole('button', { name: 'Change…' }));
    await waitFor(() => expect(text(dialog)).toContain('/home/mira/Reports'));
    await user.click(within(dialog).getByRole('button', { name: 'Export' }));
    expect(await within(dialog).findByText('/home/mira/Reports/check-46-go-chaos-simulated.html')).toBeTruthy();
    expect(sent('exportCheck')).toEqual([[46, '/home/mira/Reports', ['html']]]);
    await user.click(within(dialog).getByRole('button', { name: 'Show in folder' }));
    expect(sent('reveal')).toEqual([['/home/mira/Reports/check-46-go-chaos-simulated.html']]);
    await user.click(within(dialog).getByRole('button', { name: 'Done' }));
    await waitFor(() => expect(screen.queryByRole('dialog')).toBeNull());
  });

  it('offers every format, and sends those that were ticked', async () => {
    const { user, sent } = await open('', '#/verdict/47');
    await banner();
    await user.click(screen.getByRole('button', { name: 'Export…' }));
    const dialog = await screen.findByRole('dialog');
    for (const box of within(dialog).getAllByRole<HTMLInputElement>('checkbox'))
      if (!box.checked) await user.click(box);
    await user.click(within(dialog).getByRole('button', { name: 'Export' }));
    expect(await within(dialog).findByText('8 files written')).toBeTruthy();
    expect(sent('exportCheck')[0]?.[2]).toEqual([
      'html',
      'markdown',
      'markdown_short',
      'json',
      'junit',
      'csv',
      'hdr_log',
      'bundle',
    ]);
    expect(text(dialog)).toContain('check-47-no-go.holdpoint');
  });

  it('offers another folder when an export fails, and keeps what was ticked', async () => {
    const { user } = await open('refused', '#/verdict/47');
    await banner();
    await user.click(screen.getByRole('button', { name: 'Export…' }));
    const dialog = await screen.findByRole('dialog');
    await user.click(within(dialog).getByRole('checkbox', { name: /JSON/ }));
    await user.click(within(dialog).getByRole('button', { name: 'Export' }));
    expect(text(await within(dialog).findByRole('alert'))).toContain(
      'The export was not written. No space left on the device. Choose another folder.',
    );
    await user.click(within(dialog).getByRole('button', { name: 'Choose another folder' }));
    await waitFor(() => expect(text(dialog)).toContain('/home/mira/Reports'));
    expect(within(dialog).getByRole<HTMLInputElement>('checkbox', { name: /JSON/ }).checked).toBe(false);
    await user.click(within(dialog).getByRole('checkbox', { name: /HTML/ }));
    expect(within(dialog).getByRole('button', { name: 'Export' }).getAttribute('aria-disabled')).toBe('true');
  });

  it('copies the summary by Ctrl Shift C, and a task list', async () => {
    const { user, door } = await open('', '#/verdict/47');
    await banner();
    await user.keyboard('{Control>}{Shift>}c{/Shift}{/Control}');
    await screen.findByText('The summary is on the clipboard.');
    expect(door.fake.clipboard()).toContain('# Check 47: NO-GO');
    await user.click(screen.getByRole('button', { name: 'Copy as task list' }));
    await screen.findByText('The task list is on the clipboard.');
    expect(door.fake.clipboard()).toContain('- [ ] 1 evidence pack is corrupt: Write to a temporary key');
  });

  it('names a restart that a cut-off check left open, and looks whether its service is back', async () => {
    const { user, sent } = await open('', '#/verdict/37');
    await banner();
    const panel = await screen.findByRole('region', { name: 'Restarts without an end' });
    expect(text(panel)).toContain('The restart of worker was never seen to end.');
    expect(sent('verifyRecovery')).toEqual([]);
    await user.click(within(panel).getByRole('button', { name: 'Verify recovery' }));
    await waitFor(() => expect(text(panel)).toContain('worker is back as another process'));
    expect(text(panel)).toContain('Before: boot id 51c0. Now: boot id 9e4f.');
    expect(sent('verifyRecovery')).toEqual([[37]]);
    expect(text(await banner())).toMatch(/no verdict/i);
  });

  it('says where to bring back what a cut-off check left away', async () => {
    const { user } = await open('still-away', '#/verdict/37');
    await banner();
    const panel = await screen.findByRole('region', { name: 'Restarts without an end' });
    await user.click(within(panel).getByRole('button', { name: 'Verify recovery' }));
    await waitFor(() => expect(text(panel)).toContain('redeployed where that does not help, under Services'));
  });

  it('asks of no restart where all have their end', async () => {
    await open('', '#/verdict/47');
    await banner();
    expect(screen.queryByRole('region', { name: 'Restarts without an end' })).toBeNull();
  });

  it('runs one test again by way of Check, where the consent is asked for', async () => {
    const { user, sent } = await open('', '#/verdict/47');
    await banner();
    await user.click(screen.getByRole('button', { name: 'Run C1 again…' }));
    await heading('New check');
    await screen.findByRole('region', { name: 'Consent to restarts' });
    expect(screen.getByRole<HTMLInputElement>('checkbox', { name: /^C1/ }).checked).toBe(true);
    expect(screen.getByRole<HTMLInputElement>('checkbox', { name: /^L1/ }).checked).toBe(false);
    expect(sent('startCheck')).toEqual([]);
  });

  it('cannot run again while another check runs', async () => {
    await open('mid+still', '#/verdict/47');
    await banner();
    const again = screen.getByRole('button', { name: 'Run again…' });
    expect(document.getElementById(again.getAttribute('aria-describedby') ?? '')?.textContent).toBe(
      'Check 49 is running. One check runs at a time.',
    );
  });

  it('waives a finding with a name, a reason and an end', async () => {
    const { user, sent } = await open('', '#/verdict/47');
    await banner();
    await user.click(screen.getAllByRole('button', { name: 'Waive…' })[0] as HTMLElement);
    const dialog = await screen.findByRole('dialog', { name: /^Waive/ });
    await waitFor(() => expect(document.activeElement).toBe(within(dialog).getByLabelText('Your name')));
    await user.click(within(dialog).getByRole('button', { name: /^Waive for/ }));
    expect(within(dialog).getByText('Say who accepts it.')).toBeTruthy();
    expect(within(dialog).getByText('Say why it can be accepted.')).toBeTruthy();
    expect(sent('waive')).toEqual([]);
    await user.type(within(dialog).getByLabelText('Your name'), 'R. Manager');
    await user.type(within(dialog).getByLabelText('Reason'), 'Known, ticket 12');
    await user.clear(within(dialog).getByLabelText('Holds for'));
    await user.type(within(dialog).getByLabelText('Holds for'), '7');
    await user.click(within(dialog).getByRole('button', { name: 'Waive for 7 days' }));
    await screen.findByText('The waiver is on record.');
    expect(sent('waive')).toEqual([[47, 'worker.lost_runs', 'C1.stuck', 'R. Manager', 'Known, ticket 12', 7]]);
    await waitFor(() =>
      expect(text(screen.getByRole('region', { name: 'Fix plan' }))).toContain('Waived by R. Manager until'),
    );
  });

  it('shows a refused waiver in the words of Rust and loses nothing typed', async () => {
    const { user, door } = await open('', '#/verdict/47');
    await banner();
    door.waive = () =>
      Promise.reject({
        code: 'waiver.integrity',
        message: 'This finding cannot be waived.',
        why: 'Data was lost.',
        remedy: 'Fix it, and run the test again.',
        fields: [],
      });
    await user.click(screen.getAllByRole('button', { name: 'Waive…' })[0] as HTMLElement);
    const dialog = await screen.findByRole('dialog');
    await user.type(within(dialog).getByLabelText('Your name'), 'R. Manager');
    await user.type(within(dialog).getByLabelText('Reason'), 'Please');
    await user.click(within(dialog).getByRole('button', { name: 'Waive for 14 days' }));
    expect(text(await within(dialog).findByRole('alert'))).toContain('This finding cannot be waived. Data was lost.');
    expect(within(dialog).getByLabelText<HTMLInputElement>('Your name').value).toBe('R. Manager');
  });

  it.each([48, 47, 46, 38, 31, 36])('axe finds nothing in check %i', async (number) => {
    const { container } = await open('', `#/verdict/${number}`);
    await banner();
    await settle();
    expect(await axe(container)).toEqual([]);
  });

  it('axe finds nothing in its dialogs', async () => {
    const { container, user } = await open('', '#/verdict/47');
    await banner();
    await user.click(screen.getByRole('button', { name: 'Export…' }));
    await screen.findByRole('dialog');
    expect(await axe(container)).toEqual([]);
    await user.keyboard('{Escape}');
    await waitFor(() => expect(screen.queryByRole('dialog')).toBeNull());
    await user.click(screen.getAllByRole('button', { name: 'Waive…' })[0] as HTMLElement);
    await screen.findByRole('dialog');
    expect(await axe(container)).toEqual([]);
  });
});

describe('signing off', () => {
  const panel = () => screen.findByRole('region', { name: 'Sign-off' });

  it('chooses nothing in advance, and asks why where the decision goes against the verdict', async () => {
    const { user, sent } = await open('', '#/verdict/47');
    const region = await panel();
    expect(within(region).getByRole('button', { name: 'Sign' }).getAttribute('aria-disabled')).toBe('true');
    await user.click(within(region).getByRole('radio', { name: 'Promote despite NO-GO' }));
    await user.type(within(region).getByRole('textbox', { name: 'Name' }), 'Mira Okafor');
    await user.type(within(region).getByRole('textbox', { name: 'Role' }), 'release manager');
    await user.click(within(region).getByRole('button', { name: 'Sign: promote' }));
    expect(text(region)).toContain('Say why.');
    expect(sent('signOff')).toEqual([]);
    await user.type(within(region).getByRole('textbox', { name: /Note/ }), 'The fix follows tonight.');
    await user.click(within(region).getByRole('button', { name: 'Sign: promote' }));
    expect(sent('signOff')).toEqual([[47, 'promote', 'Mira Okafor', 'release manager', 'The fix follows tonight.']]);
    await waitFor(async () => expect(text(await panel())).toContain('against the verdict'));
    expect(text(await panel())).toContain('Signed by Mira Okafor, release manager');
    expect(text(await panel())).toContain('NO-GO');
    await user.click(within(await panel()).getByRole('button', { name: 'Sign again…' }));
    expect(within(await panel()).getByRole('button', { name: 'Sign' })).toBeTruthy();
  });

  it('needs no reason to hold what has no GO, and asks for one to promote a simulated GO', async () => {
    const { user, sent } = await open('', '#/verdict/46');
    const region = await panel();
    await user.click(within(region).getByRole('radio', { name: 'Promote, recovery not proven' }));
    expect(within(region).getByRole('textbox', { name: 'Note, needed: why' })).toBeTruthy();
    await user.click(within(region).getByRole('radio', { name: 'Hold despite GO' }));
    expect(within(region).getByRole('textbox', { name: 'Note, needed: why' })).toBeTruthy();
    expect(sent('signOff')).toEqual([]);
  });

  it('says why it was refused and keeps what was typed', async () => {
    const { user } = await open('refused', '#/verdict/47');
    const region = await panel();
    await user.click(within(region).getByRole('radio', { name: 'Hold' }));
    const name = within(region).getByRole<HTMLInputElement>('textbox', { name: 'Name' });
    await user.clear(name);
    await user.type(name, 'Ben');
    const role = within(region).getByRole<HTMLInputElement>('textbox', { name: 'Role' });
    await user.clear(role);
    await user.type(role, 'operations');
    await user.click(within(region).getByRole('button', { name: 'Sign: hold' }));
    expect(text(await within(region).findByRole('alert'))).toContain('was changed after the check');
    expect(name.value).toBe('Ben');
  });

  it('shows a check that was changed as one that nobody may decide on', async () => {
    await open('changed', '#/verdict/48');
    expect(text(await screen.findByRole('alert'))).toContain('journal.ndjson was changed');
  });
});

describe('help', () => {
  it('is one click away from a finding and from a criterion', async () => {
    const { user } = await open('', '#/verdict/47');
    await banner();
    const links = screen.getAllByRole<HTMLAnchorElement>('link', { name: 'What this means' });
    expect(links[0]?.getAttribute('href')).toMatch(/^#\/help\/[a-z_]+\.[a-z_]+$/);
    location.hash = '#/help/run.stuck';
    await heading('Help');
    expect(text(await screen.findByRole('region', { name: 'C1, worker restart' }))).toContain('Look at the worker');
    await user.click(screen.getByRole('link', { name: 'L1, node expansion' }));
    expect(text(await screen.findByRole('region', { name: 'L1, node expansion' }))).toContain('L1.p95');
  });
});
