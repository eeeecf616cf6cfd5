import { expect, it } from 'vitest';
import { jsonLines } from '../../../src/runner/codex/json-lines.ts';

function taken(chunks: string[], max?: number): [string, boolean][] {
  const lines: [string, boolean][] = [];
  const reader = jsonLines((line, complete) => lines.push([line, complete]), max);
  for (const byte of chunks.flatMap((chunk) => [...Buffer.from(chunk)])) reader.push(Uint8Array.of(byte));
  reader.end();
  return lines;
}

it('puts lines together from single bytes, the last one without its end', () => {
  expect(taken(['{"a":"é"}\r\n\n{"b"', ':1}'])).toEqual([
    ['{"a":"é"}', true],
    ['{"b":1}', true],
  ]);
});

it('drops a line that never ends, once, and goes on with the next', () => {
  expect(taken([`${'x'.repeat(50)}\nok\n`], 10)).toEqual([
    ['(an event of more than 10 characters was left out)', false],
    ['ok', true],
  ]);
});
