import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseSlashLine } from '../../src/ask/parse-command.ts';

describe('parseSlashLine', () => {
  it.each([
    ['/ask do it', { word: '/ask', rest: 'do it' }],
    ['\n\n  /ask do it\nand more', { word: '/ask', rest: 'do it\nand more' }],
    ['/ASK x', { word: '/ask', rest: 'x' }],
    ['/ask', { word: '/ask', rest: '' }],
    ['\uFEFF/ask x', { word: '/ask', rest: 'x' }],
    ['/ask\r\n```sh\r\nls\r\n```', { word: '/ask', rest: '```sh\nls\n```' }],
    ['/approve 0123abc', { word: '/approve', rest: '0123abc' }],
    ['/ask\u3000全角の空白', { word: '/ask', rest: '全角の空白' }],
  ])('%j opens with a command', (text, expected) => {
    expect(parseSlashLine(text)).toEqual(expected);
  });

  it.each([
    '',
    'please /ask do it',
    'hello\n/ask do it',
    '> /ask quoted',
    '```\n/ask in a fence\n```',
    '    /ask in a code block',
    '\t/ask in a code block',
    '<!-- /ask -->',
    '//ask',
    '/ ask',
    '/ask/path',
    '/home/user is a path',
  ])('%j starts nothing', (text) => {
    expect(parseSlashLine(text)).toBeNull();
  });

  it('takes a longer word as another command', () => {
    expect(parseSlashLine('/asking around')?.word).toBe('/asking');
  });

  it('never throws, and never reads a command that does not stand first', () => {
    fc.assert(
      fc.property(
        fc.string(),
        fc.string({ minLength: 1 }).filter((s) => /\S/.test(s) && !s.trimStart().startsWith('/')),
        (tail, head) => {
          expect(parseSlashLine(`${head}\n/ask ${tail}`)).toBeNull();
        },
      ),
    );
  });
});
