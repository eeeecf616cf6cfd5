import { describe, expect, it } from 'vitest';
import { parseJob } from '../../src/job/parse-job.ts';
import { lineOf, policyFindings } from '../../src/job/policy.ts';
import { DEFAULT_SETTINGS, type Settings } from '../../src/job/settings.ts';
import { MINIMAL, MINIMAL_PATH } from './minimal-job.ts';

function findings(change: object, limits: Partial<Settings['limits']> = {}) {
  const text = JSON.stringify({ ...MINIMAL, ...change }, null, 2);
  const parsed = parseJob(text, { path: MINIMAL_PATH });
  if (!parsed.ok) throw new Error(parsed.findings[0]?.message);
  const settings = { ...DEFAULT_SETTINGS, limits: { ...DEFAULT_SETTINGS.limits, ...limits } };
  return policyFindings(parsed.job, text, MINIMAL_PATH, settings);
}

const rules = (line: string) => findings({ script: [line] }).map(({ rule }) => rule);

describe('policyFindings', () => {
  it('has nothing to say about the minimal job', () => {
    expect(findings({})).toEqual([]);
  });

  it('holds a job to the limits of the repository', () => {
    expect(findings({ timeout_minutes: 60 }, { maxTimeoutMinutes: 60, maxScriptLines: 2 })).toEqual([]);
    const over = findings({ timeout_minutes: 61 }, { maxTimeoutMinutes: 60, maxScriptLines: 1 });
    expect(over.map((f) => [f.severity, f.rule, f.field, f.line])).toEqual([
      ['failure', 'policy/script-lines', 'script', 5],
      ['failure', 'policy/timeout', 'timeout_minutes', 11],
    ]);
    expect(over[1]?.message).toBe(
      '`timeout_minutes` is 61: this repository allows at most 60 (limits.max_timeout_minutes)',
    );
  });

  it('holds the default timeout to the limit too, at the top of the file', () => {
    expect(findings({}, { maxTimeoutMinutes: 10 })).toMatchObject([{ rule: 'policy/timeout', line: 1 }]);
  });

  it('points at the line and column of the script entry', () => {
    const script = ['make', 'sudo make install', 'make clean', 'git push --force'];
    expect(findings({ script })).toMatchObject([
      {
        rule: 'policy/sudo',
        severity: 'warning',
        line: 7,
        column: 5,
        field: 'script[1]',
        path: MINIMAL_PATH,
      },
      { rule: 'policy/force-push', severity: 'warning', line: 9, field: 'script[3]' },
    ]);
  });

  it.each([
    ['curl -fsSL https://example.com/i.sh | sh', 'pipe-to-shell'],
    ['wget -qO- https://example.com/i.sh | sudo bash -s', 'pipe-to-shell'],
    ['bash <(curl -s https://example.com/i.sh)', 'pipe-to-shell'],
    ['bash -c "$(curl -s https://example.com/i.sh)"', 'pipe-to-shell'],
    ['rm -rf /', 'remove-root'],
    ['rm -rf / --no-preserve-root', 'remove-root'],
    ['cd / && rm -r -f /*', 'remove-root'],
    ['rm -fr ~', 'remove-root'],
    ['rm -rf "$HOME"', 'remove-root'],
    ['git push --force origin main', 'force-push'],
    ['git -C app push -f', 'force-push'],
    ['git push origin +main', 'force-push'],
    ['sudo systemctl restart app', 'sudo'],
    ['make && sudo make install', 'sudo'],
    ['read -p "continue? " answer', 'reads-stdin'],
    ['make; read', 'reads-stdin'],
    ['cat > notes.txt', 'reads-stdin'],
    ['vim notes.txt', 'reads-stdin'],
    ['git rebase -i HEAD~2', 'reads-stdin'],
    ['kubectl exec -it pod -- sh', 'reads-stdin'],
    ['python3', 'reads-stdin'],
    [`export TOKEN=ghp_${'a'.repeat(36)}`, 'secret'],
    [`# AKIA${'A'.repeat(16)}`, 'secret'],
    ['psql postgres://app:hunter2@db/app', 'password'],
    [`echo "-----BEGIN RSA PRIVATE KEY-----\n${'MIIE'.repeat(16)}\n" > key`, 'secret'],
    ['make\r', 'carriage-return'],
    ['make # \u202e tset', 'hidden-character'],
    ['ma\u200bke', 'hidden-character'],
    ['set -e\nsudo make', 'sudo'],
  ])('finds %j', (line, rule) => {
    expect(rules(line)).toContain(`policy/${rule}`);
  });

  it.each([
    'curl -fsS https://example.com/health | grep READY',
    'curl -o install.sh https://example.com/i.sh && sh install.sh',
    'rm -rf build /tmp/x',
    'rm -rf ./*',
    'rm -f /tmp/x',
    'rm -rf "$HOME/app/build"',
    'git push --force-with-lease',
    'git push origin feature/fast',
    'git fetch -f && git push',
    'echo sudoku',
    'git log --format=%h | while read sha; do echo "$sha"; done',
    'read -r version < VERSION',
    'cat README.md',
    'grep -q -e "-----BEGIN RSA PRIVATE KEY-----" key.pem',
    'cat <<EOF > a.txt\nhello\nEOF',
    'python3 -m pytest',
    'echo "$API_TOKEN"',
    'psql "postgres://app:$PASSWORD@db/app"',
    'echo 家族 | grep 家',
    'make\ttest',
  ])('leaves %j alone', (line) => {
    expect(rules(line)).toEqual([]);
  });

  it('finds a secret in env and does not repeat it', () => {
    const value = `ghp_${'b'.repeat(36)}`;
    const found = findings({ env: { TOKEN: value } });
    expect(found).toMatchObject([{ rule: 'policy/secret', field: 'env.TOKEN', line: 12 }]);
    expect(JSON.stringify(found)).not.toContain(value);
  });

  it('refuses by itself only what hides something or is never meant', () => {
    const failing = ['sudo rm -rf x', 'curl x | sh', 'a\u200bb', 'rm -rf /'].map((line) =>
      findings({ script: [line] }),
    );
    expect(failing.map((found) => found.some(({ severity }) => severity === 'failure'))).toEqual([
      false,
      false,
      true,
      true,
    ]);
  });

  it.each(['curl ', 'git push ', 'rm -r ', 'docker '])('is quick on a line made of %j', (word) => {
    const script = Array.from({ length: 12 }, () => word.repeat(Math.floor(20_000 / word.length)));
    const begun = performance.now();
    findings({ script });
    expect(performance.now() - begun).toBeLessThan(4000);
  });
});

describe('lineOf', () => {
  const text = '{\n  "a": 1,\n  "b": [\n    "x",\n    "y"\n  ]\n}';

  it.each([
    [['a'], 2],
    [['b', 1], 5],
    [['b', 7], 3],
    [['c'], 1],
    [[], 1],
  ])('of %j is %i', (path, line) => {
    expect(lineOf(text, path)).toBe(line);
  });

  it('is 1 in a text that is no JSON', () => {
    expect(lineOf('', ['a'])).toBe(1);
  });
});
