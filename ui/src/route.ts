/** Where the window is: the hash, read. An address this page does not know leads to Check. */
export interface Route {
  view:
    | 'Check'
    | 'History'
    | 'Report'
    | 'Verdict'
    | 'Compare'
    | 'Trends'
    | 'Coverage'
    | 'Services'
    | 'Environments'
    | 'Drills'
    | 'Capacity'
    | 'Settings'
    | 'Help';
  /** The item of the navigation it belongs to. */
  item: string;
  title: string;
  props: Record<string, unknown>;
}

export function routeOf(hash: string): Route {
  const [place = '', first, second, third] = hash
    .replace(/^#\/?/, '')
    .split('/')
    .map((part) => {
      try {
        return decodeURIComponent(part);
      } catch {
        return part;
      }
    });
  const number = Number(first);
  const numbered = Number.isInteger(number) && number > 0;
  switch (place) {
    case 'history':
      return { view: 'History', item: 'history', title: 'History', props: {} };
    case 'report':
      if (!numbered) break;
      return { view: 'Report', item: 'history', title: `Check ${number}`, props: { number, tab: second, test: third } };
    case 'verdict':
      if (!numbered) break;
      return { view: 'Verdict', item: 'check', title: `Check ${number}`, props: { number } };
    case 'compare':
      if (!numbered) break;
      return { view: 'Compare', item: 'history', title: 'Compare', props: { number, against: second || undefined } };
    case 'since':
      return { view: 'Compare', item: 'history', title: 'Since the last GO', props: {} };
    case 'trends':
      return { view: 'Trends', item: 'history', title: 'Trends', props: {} };
    case 'coverage':
      return { view: 'Coverage', item: 'history', title: 'Coverage', props: {} };
    case 'services':
      return { view: 'Services', item: 'services', title: 'Services', props: {} };
    case 'environments':
      return { view: 'Environments', item: 'environments', title: 'Environments', props: { name: first } };
    case 'drills':
      return { view: 'Drills', item: 'drills', title: 'Drills', props: {} };
    case 'help':
      return { view: 'Help', item: 'help', title: 'Help', props: { word: first } };
    case 'capacity':
      return {
        view: 'Capacity',
        item: 'capacity',
        title: numbered ? `Capacity run ${number}` : 'Capacity',
        props: { number: numbered ? number : null },
      };
    case 'settings':
      return { view: 'Settings', item: 'settings', title: 'Settings', props: {} };
  }
  return { view: 'Check', item: 'check', title: 'New check', props: {} };
}
