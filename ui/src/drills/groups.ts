import type { Drill } from '../host/types/Drill';

/** Groups in a fixed order; a group that Rust adds later comes at the end. */
const ORDER = [
  'whole system',
  'load',
  'streaming and storage',
  'chaos',
  'evidence',
  'as seen on the real code',
  'deceit',
];

/** The drills that name every word: in title, name, what goes wrong, group, or a test that catches it. */
export function matching(drills: Drill[], text: string): Drill[] {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  return drills.filter((drill) => {
    const told = [drill.title, drill.name ?? '', drill.what, drill.group, ...drill.caught_by].join(' ').toLowerCase();
    return words.every((word) => told.includes(word));
  });
}

/** Drills by group. */
export function grouped(drills: Drill[]): [string, Drill[]][] {
  const names = [...new Set(drills.map(({ group }) => group))];
  const place = (name: string) => (ORDER.includes(name) ? ORDER.indexOf(name) : ORDER.length);
  names.sort((a, b) => place(a) - place(b));
  return names.map((name) => [name, drills.filter(({ group }) => group === name)]);
}

/** A group's title. */
export function title(group: string): string {
  return group.charAt(0).toUpperCase() + group.slice(1);
}
