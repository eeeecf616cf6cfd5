import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const root = fileURLToPath(new URL('../', import.meta.url));
const security = readFileSync(`${root}SECURITY.md`, 'utf8');
const guarantees = readFileSync(`${root}docs/guarantees.md`, 'utf8');
const tests = readdirSync(`${root}test`, { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('.test.ts'))
  .map((file) => `test/${file}`);

describe.each([
  ['SECURITY.md', security],
  ['docs/guarantees.md', guarantees],
])('%s', (_, text) => {
  it('names tests that exist', () => {
    const words = [...text.matchAll(/`npx vitest run ([^`]+)`/g)].flatMap((match) =>
      (match[1] ?? '').split(' '),
    );
    expect(words.length).toBeGreaterThan(10);
    // As vitest takes them: a part of a file's path.
    expect(words.filter((word) => !tests.some((file) => file.includes(word)))).toEqual([]);
  });

  it('names scripts that exist', () => {
    const scripts = JSON.parse(readFileSync(`${root}package.json`, 'utf8')).scripts as object;
    const named = [...text.matchAll(/`npm run ([\w:-]+)/g)].map((match) => match[1] ?? '');
    expect(named.length).toBeGreaterThan(0);
    expect(named.filter((name) => !(name in scripts))).toEqual([]);
  });

  it('has a command in every row that shows something', () => {
    const rows = text
      .split('\n')
      .filter((line) =>
        /^\| (?!attacker|claim|shown by|app and|one |two |store |sqlite |postgres, |---)/.test(line),
      );
    expect(rows.length).toBeGreaterThan(9);
    expect(rows.filter((row) => !/`np[mx] .+` \|$/.test(row))).toEqual([]);
  });
});
