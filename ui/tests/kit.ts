/** What the tests of the frame, Check, Live, Verdict and Settings share: the whole page over a fake host. */
// Loaded before the first test, as the window has it before a person can click.
import '../src/views/Capacity.svelte';
import '../src/views/others';
import { render, screen } from '@testing-library/svelte';
import userEvent from '@testing-library/user-event';
import { tick } from 'svelte';
import App from '../src/App.svelte';
import { forgetNext } from '../src/check/draft.svelte';
import { forget } from '../src/environments/draft.svelte';
import { fakeHost } from '../src/host/fake';

export { axe, text } from './archive-kit';

/** The page of a scene at an address. */
export async function open(scene = '', hash = '#/check') {
  forgetNext();
  for (const name of ['staging', 'rehearsal', null]) forget(name);
  location.hash = hash;
  const door = fakeHost(scene);
  const drawn = render(App, { props: { host: door } });
  const user = userEvent.setup();
  await settle();
  return {
    ...drawn,
    door,
    user,
    /** What was sent under a name. */
    sent: (name: string) =>
      [...door.fake.calls, ...door.archive.calls, ...door.capacity.calls]
        .filter(([called]) => called === name)
        .map(([, ...args]) => args),
  };
}

/** Lets promises and drawings come to rest; no time passes. */
export async function settle(): Promise<void> {
  for (let k = 0; k < 12; k += 1) {
    await Promise.resolve();
    await tick();
  }
  await new Promise((resolve) => setImmediate(resolve));
  await tick();
}

/** The heading of the screen. */
export const heading = (name: string | RegExp) => screen.findByRole('heading', { level: 1, name });
