import { spawnSync } from 'node:child_process';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { scriptEntries } from '../../src/plan/script-entries.ts';

/** Each is one entry, whatever stands around it. */
const WHOLE = [
  'ls -la',
  'echo "a b" \'c d\' e\\ f',
  'echo one; echo two',
  'git log --oneline |\n  head -3',
  'true &&\n\n  # and then\n  echo yes',
  'false ||\n  echo no',
  'docker run \\\n  --rm \\\n  alpine',
  "cat > x <<'EOF'\nit's $(unclosed \"\n\nEOF",
  'cat <<-EOF | sort\n\tb\n\ta\n\tEOF',
  'diff <(cat <<A\n1\nA\n) <(echo 2)',
  'paste <<A <<"B C"\n1\nA\n2\nB C',
  'if [ -f x ]; then\n  echo x\nelif true; then\n  :\nelse\n  echo y\nfi',
  'for f in *.ts; do\n  echo "$f"\ndone',
  'for ((i = 0; i < 3; i++)); do\n  echo $((1 << i))\ndone',
  'while read -r line; do\n  echo "$line"\ndone < <(ls)',
  'until false\ndo\n  break\ndone | sort',
  'case "$1" in\n  a|b) echo ab ;;\n  (c)\n    if true; then echo c; fi\n    ;;\n  *) echo other ;;\nesac',
  'greet() {\n  echo "hello $1"\n}',
  'greet()\n{\n  echo hello\n}',
  'function greet {\n  echo hello\n}',
  'function greet\n{\n  echo hello\n}',
  '(\n  cd /tmp\n  ls\n)',
  '{\n  ls\n  pwd\n} > out.txt',
  'names=(\n  if # no keyword here\n  done\n)',
  'echo "first\nsecond"',
  "echo 'first\n\n# no comment\nsecond'",
  "printf $'it\\'s\\n\n'",
  'x=$(\n  echo "nested $(echo "deeper")"\n)',
  'echo "$(cat <<EOF\nit\'s\nEOF\n)"',
  'y=`ls |\n  wc -l`',
  `echo "\${x:-'a b'}" \${y:-"a\nb"} "it's"`,
  '[[ $x =~ ^(a|b)$ && -n $y ]] && echo ok',
  'echo done if then fi { }',
  `echo $# \${#x} a#b # a comment with ' and "`,
  '# why this is\n# needed\nls',
  'time ls 2>&1 >| out &> both',
  'cat <<< "here"',
  'echo {1..3} | xargs -n1 echo {} \\;',
  'sleep 1 & wait',
  'echo 日本語 「引用」',
  '! false',
];

const isValid = (text: string) => spawnSync('bash', ['-n'], { input: `${text}\n` }).status === 0;

describe('scriptEntries', () => {
  it('is tested with what bash takes', () => {
    expect(WHOLE.filter((text) => !isValid(text))).toEqual([]);
  });

  it.each(WHOLE)('keeps %j whole', (text) => {
    expect(scriptEntries(['true', ...text.split('\n'), 'echo end'])).toEqual(['true', text, 'echo end']);
  });

  it('cuts between any of them and nowhere else', () => {
    const gap = fc.constantFrom('', '\n', '\n \n');
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.constantFrom(...WHOLE), gap), { minLength: 1, maxLength: 8 }),
        (pieces) => {
          const text = pieces.map(([piece, after]) => `${piece}\n${after}`).join('');
          expect(scriptEntries(text.split('\n'))).toEqual(pieces.map(([piece]) => piece));
        },
      ),
      { numRuns: 500 },
    );
  });

  it.each([
    ['a quote without end', ['ls', "echo 'x", 'pwd']],
    ['fi without if', ['ls', 'fi', 'pwd']],
    ['done inside if', ['if true; then', 'done', 'fi', 'pwd']],
    ['a here-document without end', ['cat <<EOF', 'x', 'pwd']],
    ['a parenthesis too many', ['ls', 'pwd)', 'ls']],
    ['a brace too many', ['ls', '}', 'ls']],
    ['if without end', ['ls', 'if true', 'then ls']],
    ['an operator at its end', ['ls', 'pwd |']],
    ['the head of a function at its end', ['ls', 'function f']],
    ['a backtick without end', ['ls', 'x=`pwd', 'ls']],
  ])('leaves a block with %s in one piece', (_, lines) => {
    expect(scriptEntries(lines)).toEqual([lines.join('\n')]);
  });

  it('keeps the last comments with the command above, and a trailing backslash', () => {
    expect(scriptEntries(['ls', 'pwd', '', '# end', ''])).toEqual(['ls', 'pwd\n# end']);
    expect(scriptEntries(['ls', 'pwd \\'])).toEqual(['ls', 'pwd \\']);
  });

  it('finds no entry where there is no command', () => {
    expect(scriptEntries([])).toEqual([]);
    expect(scriptEntries(['', '# only', '  # comments'])).toEqual([]);
  });
});
