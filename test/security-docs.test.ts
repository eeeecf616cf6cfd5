import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';

const root = fileURLToPath(new URL('../', import.meta.url));
const text = readFileSync(`${root}SECURITY.md`, 'utf8');
const tests = readdirSync(`${root}test`, { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('.test.ts'))
  .map((file) => `test/${file}`);

it('every claim of SECURITY.md names tests that exist', () => {
  const words = [...text.matchAll(/`npx vitest run ([^`]+)`/g)].flatMap((match) =>
    (match[1] ?? '').split(' '),
  );
  expect(words.length).toBeGreaterThan(20);
  // As vitest takes them: a part of a file's path.
  expect(words.filter((word) => !tests.some((file) => file.includes(word)))).toEqual([]);
});

it('every row of its tables has a command', () => {
  const rows = text.split('\n').filter((line) => /^\| (?!attacker|claim|app and|one |two |---)/.test(line));
  expect(rows.length).toBeGreaterThan(15);
  expect(rows.filter((row) => !/`np[mx] .+` \|$/.test(row))).toEqual([]);
});

it('every script that it and the documents name exists', () => {
  const scripts = JSON.parse(readFileSync(`${root}package.json`, 'utf8')).scripts as object;
  const named = [...text.matchAll(/`npm run ([\w:-]+)/g)].map((match) => match[1] ?? '');
  expect(named.filter((name) => !(name in scripts))).toEqual([]);
});
