import { describe, expect, it } from 'vitest';
import { readShell } from '../../../src/job/shell/read-shell.ts';

const commands = (text: string) =>
  readShell(text).commands.map(({ words }) => words.map((word) => word.text).join(' '));

describe('readShell', () => {
  it.each([
    ['a && b || c; d & e', ['a', 'b', 'c', 'd', 'e']],
    ['a | b |& c', ['a', 'b', 'c']],
    ['if a; then b; elif c; then d; else e; fi', ['a', 'b', 'c', 'd', 'e']],
    ['while a; do b; done', ['a', 'b']],
    ['case $(a) in $(b)) c;; esac', ['a', 'b', 'c']],
    ['f() { a; }', ['a']],
    ['coproc a', ['a']],
    ['! time -p a', ['a']],
    ['x=$(a) y=(b $(c))', ['a', 'c', '']],
    ['export PATH=$(a)', ['a', 'export PATH=$(a)']],
    [`echo "\${x:-$(a)}" $((1 + $(b))) <(c)`, ['a', 'b', 'c', `echo \${x:-$(a)} $((1 + $(b))) <(c)`]],
    ['echo `a \\`b\\``', ['b', 'a `b`', 'echo `a \\`b\\``']],
    ['cat <<EOF\n$(a)\nEOF\nb', ['a', 'cat', 'b']],
    ["cat <<'EOF'\n$(a)\nEOF", ['cat']],
    ['[[ -v a[$(b)] ]]', ['b']],
    ['# a\nb # c', ['b']],
    ["'r'\"m\" r\\m $'\\x72m' r\\\nm", ['rm rm rm rm']],
  ])('sees the commands of %j', (text, expected) => {
    expect(readShell(text).problem).toBeNull();
    expect(commands(text)).toEqual(expected);
  });

  it.each([
    'sudo -u root rm x',
    'env -i A=b rm x',
    'env -u A -C /tmp rm x',
    'env -S "rm x"',
    'nohup rm x &',
    'timeout -k 5 --signal=9 10 rm x',
    'nice -n 5 ionice -c3 rm x',
    'stdbuf -oL rm x',
    'setsid rm x',
    'time rm x',
    'command rm x',
    'exec -a y rm x',
    'sudo FOO=bar nohup timeout 5 rm x',
    'ls | xargs -0 -n1 rm x',
    'find . -name y -exec rm x \\;',
    'find . -execdir rm x +',
    "bash -c 'rm x'",
    "bash -euo pipefail -c 'rm x'",
    "sh -lc 'cd /; rm x'",
    `bash -c "bash -c 'rm x'"`,
    'eval rm x',
    'eval "rm" "x"',
    "trap 'rm x' EXIT",
    "su -c 'rm x' root",
    "ssh -p 22 host 'rm x'",
    'ssh host rm x',
    "ssh host <<'EOF'\nrm x\nEOF",
    'bash <<EOF\nrm x\nEOF',
    "sh <<< 'rm x'",
    "echo 'rm x' | sh",
    "cat <<'EOF' | bash -s\nrm x\nEOF",
    'kubectl exec pod -- rm x',
    "watch 'rm x'",
    "flock f -c 'rm x'",
    'flock f rm x',
    'x=$(rm x)',
  ])('sees the rm in %j', (text) => {
    expect(readShell(text).problem).toBeNull();
    expect(commands(text)).toContain('rm x');
  });

  it.each(['command -v rm', 'bash rm x', 'echo rm x', 'ls # rm x', "echo 'rm x' | cat"])(
    'sees no rm in %j',
    (text) => {
      expect(commands(text).filter((command) => command.startsWith('rm'))).toEqual([]);
    },
  );

  it.each([
    ['echo "a', 'is no valid bash'],
    ['if a', 'is no valid bash'],
    ['a &&', 'is no valid bash'],
    ['echo $(', 'is no valid bash'],
    ['cat <<EOF\nx', 'a here-document has no end'],
    ["bash -c 'echo \"'", 'is no valid bash'],
    ['a\0b', 'NUL'],
  ])('says of %j that it cannot be read', (text, problem) => {
    expect(readShell(text).problem).toContain(problem);
  });

  it.each([
    '$(',
    '$(a ',
    '"$(',
    '`',
    '( ',
    '{ ',
    '${x:-',
    '$((',
    'if ',
    'case x in a) ',
    '<<A\n',
    '<(',
    '@(',
    '[[ ',
    'env ',
    'sudo nohup ',
    'a|',
    'a;',
    'find -exec ',
    "bash -c '",
    'eval "',
    '\\',
    'x[',
    'f(){ ',
  ])('is quick and does not throw on many %j', (piece) => {
    const begun = performance.now();
    readShell(piece.repeat(Math.ceil(20_000 / piece.length)));
    readShell(piece.repeat(Math.ceil(1_000_000 / piece.length)));
    expect(performance.now() - begun).toBeLessThan(10_000);
  });
});
