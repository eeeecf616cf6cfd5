import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { neutralise, neutraliseInline, neutraliseLine } from '../../src/messages/neutralise.ts';

const Z = '\u200b';

describe('neutralise', () => {
  it.each([
    ['a mention', 'ask @octocat and @org/team', `ask @${Z}octocat and @${Z}org/team`],
    ['a mention after Japanese', 'は@octocat', `は@${Z}octocat`],
    ['a mention in emphasis', '_x_@octocat', `_x_@${Z}octocat`],
    ['an e-mail address stays', 'mail a@example.com', 'mail a@example.com'],
    ['an encoded mention', '&#64;octocat &commat;octocat', '&amp;#64;octocat &amp;commat;octocat'],
    ['a mention hidden by a zero-width character', '@\u200d\u2060octocat', `@${Z}octocat`],
    ['a mention across an HTML comment', '@<!-- -->octocat', '@&lt;!-- -->octocat'],
    ['a slash command', '/approve', '\\/approve'],
    ['an indented slash command', 'x\n  /approve now', 'x\n  \\/approve now'],
    ['a path inside a line stays', 'see /etc/hosts', 'see /etc/hosts'],
    ['a marker', '<!-- guruguru:status -->', '&lt;!-- guruguru:status -->'],
    ['a marker in a code span', '`<!-- guruguru:status -->`', '`<!- - guruguru:status -->`'],
    ['HTML', '<img src=x> a < b', '&lt;img src=x> a < b'],
    ['an autolink', 'see <https://example.com/a>', 'see https://example.com/a'],
    ['a closing keyword', 'Fixes #1, closes: o/r#2', `Fixes${Z} #1, closes${Z}: o/r${Z}#2`],
    [
      'a closing keyword with a URL',
      'resolved https://github.com/o/r/issues/1',
      `resolved${Z} https://github.com/o/r/issues/1`,
    ],
    ['a closing keyword over two lines and bold', 'fix\n**#1**', `fix${Z}\n**#1**`],
    ['a mere reference stays', 'see #1', 'see #1'],
    ['a fixed bug stays', 'this fixes the bug', 'this fixes the bug'],
    ['ANSI and control characters', 'a\u001b[31mred\u001b[0m\u0007\u0000b', 'aredb'],
    ['a terminal hyperlink', '\u001b]8;;https://x.example\u0007text\u001b]8;;\u0007', 'text'],
    ['bidirectional overrides', 'a\u202eb', 'ab'],
    ['old line ends', 'a\r\nb\rc', 'a\nb\nc'],
    ['code spans stay', 'use `npm i @types/node` and `a < b`', 'use `npm i @types/node` and `a < b`'],
  ])('%s', (_, text, expected) => {
    expect(neutralise(text)).toBe(expected);
  });

  it('leaves fenced code as it is, but for a slash that opens a line', () => {
    const text = 'a\n```sh\nnpm i @types/node\n/usr/bin/env <x>\n```\n@octocat';
    expect(neutralise(text)).toBe(`a\n\`\`\`sh\nnpm i @types/node\n /usr/bin/env <x>\n\`\`\`\n@${Z}octocat`);
  });

  it('lets no HTML block or attribute swallow a fence or a backtick', () => {
    expect(neutralise('<div>\n```\n@octocat\n```')).toBe('&lt;div>\n```\n@octocat\n```');
    expect(neutralise('<a title="`"> @octocat `')).toBe('&lt;a title="`"> @octocat `');
  });

  it('closes a fence left open', () => {
    expect(neutralise('```sh\nmake')).toBe('```sh\nmake\n```');
  });

  it.each([
    ['a fence in a list', '- ```\n  x\n  ```\n@octocat'],
    ['a fence in a quotation', '> ```\n> x\n\n@octocat'],
    ['an indented fence that col 0 would close', '   ```\n```\n@octocat\n```'],
    ['a fence with odd words', '``` a`b\n@octocat'],
    ['a code span over two lines', 'foo ` bar\n` @octocat `'],
    ['a code span in table cells', '| `a | @octocat` |\n|---|---|'],
    ['an escaped backtick', '\\` @octocat `'],
    ['double backticks', '`` ` @octocat ` ``x` @octocat'],
    ['a backtick in a URL', 'https://a.example/` @octocat `'],
  ])('does not take for code what GitHub may not: %s', (_, text) => {
    expect(neutralise(text)).toContain(`@${Z}octocat`);
    expect(neutralise(text)).not.toContain('@octocat');
  });

  const nasty = fc
    .array(
      fc.oneof(
        fc.constantFrom(
          ...[
            '@',
            'octocat',
            '/ask',
            '/',
            ' ',
            '\n',
            '\r\n',
            '```',
            '~~~',
            '`',
            '<!--',
            '-->',
            '<',
            '&#64;',
            '&',
            ';',
            '#1',
          ],
          ...[
            'fixes ',
            'Closes: ',
            '\u200b',
            '\u202e',
            '\u001b[1m',
            '\u001b]0;',
            '\u0007',
            '\\',
            '|',
            '> ',
            '- ',
            '    ',
            'x',
          ],
        ),
        fc.string({ maxLength: 6, unit: 'binary' }),
      ),
      { maxLength: 40 },
    )
    .map((parts) => parts.join(''));

  it('is idempotent', () => {
    fc.assert(
      fc.property(nasty, (text) => {
        const once = neutralise(text);
        expect(neutralise(once)).toBe(once);
      }),
      { numRuns: 3000 },
    );
  });

  it('never leaves a line that opens with a slash word, a marker, or a control character', () => {
    fc.assert(
      fc.property(nasty, (text) => {
        const once = neutralise(text);
        expect(once).not.toMatch(/^\/[A-Za-z]/m);
        expect(once).not.toContain('<!--');
        expect(once).not.toMatch(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e]/);
      }),
      { numRuns: 3000 },
    );
  });

  it('leaves no mention and no closing keyword outside code', () => {
    fc.assert(
      fc.property(nasty, (text) => {
        const once = neutralise(text.replace(/[`~]/g, ''));
        expect(once).not.toMatch(/(?<![A-Za-z0-9])@[A-Za-z0-9]/);
        // Not across a blank line: what is in another paragraph closes nothing.
        expect(once).not.toMatch(
          /\b(?:close[sd]?|fix(?:e[sd])?|resolve[sd]?)(?:[: \t]|\n(?![ \t]*\n)){1,10}#\d/i,
        );
        expect(once).not.toMatch(/<[A-Za-z/!?]/);
      }),
      { numRuns: 3000 },
    );
  });

  it('leaves no image, no link that runs and no note elsewhere, outside code', () => {
    const piece = fc.constantFrom(
      '!',
      '[',
      ']',
      '(',
      ')',
      'x',
      '\\',
      'javascript:alert(1)',
      'JavaScript\\:x',
      'data:text/html,x',
      ' ',
      '\n',
      '![a](https://t.example/p.png)',
      '![a][b]',
      '\\![a](x)',
      'octo/hello#1',
      'see octo/hello#12.',
      '[b]: javascript:x',
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 12 }), (pieces) => {
        const once = neutralise(pieces.join(''));
        expect(once).not.toMatch(/(?<!\\)(?:\\\\)*!\[/);
        expect(once).not.toMatch(/(?:javascript|data)\\?:\S/i);
        expect(once).not.toMatch(/\w\/\w+#\d/);
        expect(neutralise(once)).toBe(once);
      }),
      { numRuns: 3000 },
    );
    expect(neutralise('the data: 3 rows, #12 and C# 1, wow!')).toBe('the data: 3 rows, #12 and C# 1, wow!');
  });

  it('takes linear time', () => {
    for (const unit of [
      '![',
      'a/b#',
      'javascript:',
      'a-',
      '@',
      '`',
      '<',
      '&',
      'fixes ',
      '/a\n',
      '<!--',
      '\u001b[',
      'www.',
      '```\n',
    ]) {
      const start = performance.now();
      neutralise(unit.repeat(60_000));
      expect(performance.now() - start, JSON.stringify(unit)).toBeLessThan(3000);
    }
  });
});

describe('neutraliseInline', () => {
  it('makes one line', () => {
    expect(neutraliseInline(' a\n\n/ask @x\t`b` ')).toBe(`a /ask @${Z}x \`b\``);
  });
});

describe('neutraliseLine', () => {
  it('treats backticks as text: titles and commit messages know no code', () => {
    expect(neutraliseLine('`@octocat`\nfixes #1 <!--')).toBe(`\`@${Z}octocat\` fixes${Z} #1 <!- -`);
    expect(neutraliseLine('/ask')).toBe(`${Z}/ask`);
  });
});
