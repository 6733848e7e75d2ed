import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';

test('the dark of the system and the dark that was chosen are the same', () => {
  const css = readFileSync('src/styles/tokens.css', 'utf8');
  const set = (selector: string) => {
    const from = css.indexOf(`${selector} {`);
    expect(from).toBeGreaterThan(-1);
    const lines = css.slice(from, css.indexOf('}', from)).split('\n').slice(1);
    return lines.map((line) => line.trim()).filter((line) => line !== '');
  };
  const chosen = set(":root[data-theme='dark']");
  expect(chosen.length).toBeGreaterThan(50);
  expect(set(":root:not([data-theme='light'])")).toEqual(chosen);
});
