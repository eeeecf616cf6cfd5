import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  cell,
  code,
  codeCell,
  details,
  fence,
  fencedTail,
  link,
  paragraphs,
  quote,
} from '../../src/messages/markdown.ts';

describe('fence', () => {
  it('is longer than any run of backticks inside', () => {
    expect(fence('a', 'sh')).toBe('```sh\na\n```');
    expect(fence('```\n@x\n````')).toBe('`````\n```\n@x\n````\n`````');
  });

  it('takes only a plain language name', () => {
    expect(fence('a', 'sh\n@octocat')).toBe('```shoctocat\na\n```');
  });

  it('cannot be left', () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom('`', '```', '~~~', '\n', 'a', '  ', '<!--', '/x')), (parts) => {
        const lines = fence(parts.join('')).split('\n');
        const marks = lines[0] ?? '';
        expect(lines.at(-1)).toBe(marks);
        expect(lines.slice(1, -1).some((line) => line.trim().startsWith(marks))).toBe(false);
        expect(lines.join('\n')).not.toMatch(/<!--|^\/[a-z]/m);
      }),
    );
  });
});

describe('fencedTail', () => {
  it('keeps the end within its size', () => {
    expect(fencedTail('a\nb\nc\n', 2, 100)).toBe('```\nb\nc\n```');
    expect(fencedTail(' \n', 2, 100)).toBe('');
    const long = fencedTail(`${'x'.repeat(500)}END`, 15, 100);
    expect(long.length).toBeLessThanOrEqual(100);
    expect(long).toMatch(/^```\n…x+END\n```$/);
  });

  it('stays within its size when the log is made to grow', () => {
    for (const log of ['`'.repeat(5000), '/a\n'.repeat(3000), '<!--'.repeat(2000)]) {
      const block = fencedTail(log, 5000, 4000);
      expect(block.length).toBeGreaterThan(100);
      expect(block.length).toBeLessThanOrEqual(4000);
    }
  });
});

describe('code', () => {
  it.each([
    ['a', '`a`'],
    ['a`b', '``a`b``'],
    ['`a`', '`` `a` ``'],
    ['', '`  `'],
    ['a\nb', '`a ⏎ b`'],
    ['a\u202eb\u200b', '`a⟦U+202E⟧b⟦U+200B⟧`'],
    ['/usr/bin', '`/usr/bin`'],
    ['<!-- x', '`<!- - x`'],
  ])('%j', (text, expected) => {
    expect(code(text)).toBe(expected);
  });

  it('escapes the column mark in a table', () => {
    expect(codeCell('a | b')).toBe('`a \\| b`');
    expect(cell('a | b \\| c @x\nd')).toBe('a \\| b \\| c @\u200bx d');
  });
});

describe('small pieces', () => {
  it('links only to web addresses', () => {
    expect(link('PR', 'https://github.com/o/r/pull/1')).toBe('[PR](https://github.com/o/r/pull/1)');
    expect(link('PR', 'javascript:alert(1)')).toBe('PR');
    expect(link('PR', 'https://x.example/a)b')).toBe('PR');
    expect(link('PR', undefined)).toBe('PR');
  });

  it('quotes every line', () => {
    expect(quote('a\n\n/ask')).toBe('> a\n>\n> \\/ask');
  });

  it('folds and joins', () => {
    expect(details('More', 'x')).toBe('<details>\n<summary>More</summary>\n\nx\n\n</details>');
    expect(paragraphs('a', false, null, '', 'b')).toBe('a\n\nb');
  });
});
