import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fencedPlan } from '../../src/plan/fenced.ts';

const shell = (script: string[], title: string | null = null) => ({ kind: 'shell', title, script });
const prose = { kind: 'prose' };

describe('fencedPlan', () => {
  it.each<[string, string, unknown]>([
    ['one sh block', '\n```sh\nls\npwd\n```\n', shell(['ls', 'pwd'])],
    ['one bash block', '\n\n```bash\nls\n```', shell(['ls'])],
    ['upper case', '\n```Bash\nls\n```', shell(['ls'])],
    ['words after the language', '\n```sh title="x"\nls\n```', shell(['ls'])],
    ['tildes', '\n~~~sh\nls\n```\n~~~\n', shell(['ls\n```'])],
    ['a longer fence', '\n````sh\necho "\n```\n"\n````\n', shell(['echo "\n```\n"'])],
    ['a longer closing fence', '\n```sh\nls\n`````\n', shell(['ls'])],
    ['CRLF', '\r\n```sh\r\nls\r\npwd\r\n```\r\n', shell(['ls', 'pwd'])],
    ['an indented fence', '\n   ```sh\n   ls\n     pwd\n  x\n   ```', shell(['ls', '  pwd', 'x'])],
    ['a title', ' run this \n\n```sh\nls\n```', shell(['ls'], 'run this')],
    ['no line before the fence', '```sh\nls\n```', shell(['ls'])],
    ['blank lines', '\n```sh\n\nls\n\n\npwd\n\n```', shell(['ls', 'pwd'])],
    [
      'a json block',
      '\n```json\n{\n "a": 1 }\n```',
      { kind: 'job_file', title: null, text: '{\n "a": 1 }\n' },
    ],
    [
      'a json block with a title',
      'brief\n~~~json\n{}\n~~~',
      { kind: 'job_file', title: 'brief', text: '{}\n' },
    ],
    ['plain prose', ' count the lines', prose],
    ['nothing', '', prose],
    ['prose above', '\nplease run\n```sh\nls\n```', prose],
    ['prose below', '\n```sh\nls\n```\nthanks', prose],
    ['two blocks', '\n```sh\nls\n```\n```sh\npwd\n```', prose],
    ['no language', '\n```\nls\n```', prose],
    ['another language', '\n```python\nprint()\n```', prose],
    ['zsh', '\n```zsh\nls\n```', prose],
    ['jsonc', '\n```jsonc\n{}\n```', prose],
    ['inline code', ' ```sh ls```', prose],
    ['an indented code block', '\n    ```sh\n    ls\n    ```', prose],
    ['a quoted block', '\n> ```sh\n> ls\n> ```', prose],
    ['no end', '\n```sh\nls', { kind: 'invalid', code: 'fence_unclosed' }],
    ['another end', '\n```sh\nls\n~~~', { kind: 'invalid', code: 'fence_unclosed' }],
    ['a shorter end', '\n````sh\nls\n```', { kind: 'invalid', code: 'fence_unclosed' }],
    ['text after the end', '\n```sh\nls\n``` x', { kind: 'invalid', code: 'fence_unclosed' }],
    ['an empty block', '\n```sh\n\n```', { kind: 'invalid', code: 'fence_empty' }],
    ['an empty json block', '\n```json\n```', { kind: 'invalid', code: 'fence_empty' }],
    ['only comments', '\n```sh\n# ls\n```', { kind: 'invalid', code: 'fence_empty' }],
  ])('reads %s', (_, text, expected) => {
    expect(fencedPlan(text)).toEqual(expected);
  });

  it('keeps every line that is not blank, in order', () => {
    const piece = fc.constantFrom(
      ...[
        'echo a',
        '  ls',
        "it's",
        '"',
        '# note',
        'if true',
        'then',
        'fi',
        'cat <<EOF',
        'EOF',
        'a \\',
        'x |',
        '}',
        '{',
      ],
      ...[
        '',
        ' ',
        'case $x in',
        'a) b;;',
        'esac',
        '$(',
        ')',
        '`',
        'f() {',
        'for i in 1',
        'do',
        'done',
        '((',
        '${a',
        'é日本',
      ],
    );
    const line = fc.oneof(
      piece,
      fc.string({ maxLength: 12 }).filter((text) => !/[\r\n]|^ {0,3}```/.test(text)),
    );
    fc.assert(
      fc.property(fc.array(line, { maxLength: 12 }), (lines) => {
        const plan = fencedPlan(`\n\`\`\`sh\n${lines.join('\n')}\n\`\`\`\n`);
        const wanted = lines.filter((text) => text.trim() !== '');
        if (plan.kind === 'invalid') {
          expect(plan.code).toBe('fence_empty');
          // Neither a comment nor a lone `\`, which continues into nothing, is a command.
          const commands = wanted.filter((text) => !/^(?:#.*|\\)$/.test(text.trim()));
          expect(commands).toEqual([]);
          return;
        }
        if (plan.kind !== 'shell') throw new Error(`became ${plan.kind}`);
        const kept = plan.script.flatMap((entry) => entry.split('\n')).filter((text) => text.trim() !== '');
        expect(kept).toEqual(wanted);
        for (const entry of plan.script) expect(entry.trim()).not.toBe('');
      }),
      { numRuns: 2000 },
    );
  });

  it('finds no command in a lone backslash', () => {
    expect(fencedPlan('\n```sh\n\\\n```')).toMatchObject({ kind: 'invalid', code: 'fence_empty' });
  });

  it('reads 64 KiB at once', () => {
    const texts = [
      '`'.repeat(65_536),
      `\n\`\`\`sh\n${'"$(('.repeat(16_000)}\n\`\`\``,
      `\n${'```sh\n'.repeat(11_000)}`,
    ];
    const started = performance.now();
    for (const text of texts) fencedPlan(text);
    expect(performance.now() - started).toBeLessThan(2000);
  });
});
