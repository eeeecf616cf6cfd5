import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { completeJob } from '../../src/job/complete-job.ts';
import type { ShellJob } from '../../src/job/job.ts';
import { parseJob } from '../../src/job/parse-job.ts';
import { policyFindings } from '../../src/job/policy.ts';
import { parseSettings, type Settings } from '../../src/job/settings.ts';
import { readShell } from '../../src/job/shell/read-shell.ts';
import { MINIMAL, MINIMAL_PATH } from './minimal-job.ts';

const minimal = parseJob(JSON.stringify(MINIMAL), { path: MINIMAL_PATH });
if (!minimal.ok || minimal.job.kind !== 'run_shell') throw new Error('the minimal job is no shell job');
const JOB = minimal.job;
const settings = new Map<string, Settings>();

/** What the policy in `yaml` says of a job with this change: `rule effect field`, in the order of the file. */
function findings(yaml: string, change: Partial<ShellJob>): string[] {
  const text = JSON.stringify({ ...MINIMAL, ...change }, null, 2);
  return policyFindings({ ...JOB, ...change }, text, MINIMAL_PATH, settingsOf(yaml)).map(
    ({ rule, severity, field }) => `${rule} ${severity} ${field}`,
  );
}

function settingsOf(yaml: string): Settings {
  const known = settings.get(yaml);
  if (known) return known;
  const parsed = parseSettings(yaml);
  if (!parsed.ok) throw new Error(parsed.findings[0]?.message);
  settings.set(yaml, parsed.settings);
  return parsed.settings;
}

const on = (yaml: string, line: string) => findings(yaml, { script: [line] });

const RULES = `commands:
  - allow: kubectl delete pod --dry-run=client
  - deny: kubectl delete
    why: use the runbook
  - deny: git push --force
    name: no-force
  - warn: terraform apply
  - deny: rm -f
`;

describe('rules and commands of the settings', () => {
  it.each([
    'kubectl delete ns x',
    'kubectl -n prod delete ns x',
    'kubectl --context=prod -n prod delete ns x',
    '/usr/local/bin/kubectl delete ns x',
    'true && kubectl delete ns x',
    'kubectl get ns | kubectl delete -f -',
    'echo $(kubectl delete ns x)',
    'cat <<EOF\n$(kubectl delete ns x)\nEOF',
    'delete() { kubectl delete ns x; }',
  ])('denies %j', (line) => {
    expect(on(RULES, line)).toContain('policy/kubectl-delete failure script[0]');
  });

  it.each([
    'kubectl get pods',
    'kubectl get delete',
    'echo kubectl delete',
    'kubectl delete pod --dry-run=client x',
    '# kubectl delete ns x\ntrue',
    'git push --force-with-lease',
    'rm -r x',
  ])('leaves %j alone', (line) => {
    expect(on(RULES, line)).toEqual([]);
  });

  it('matches options anywhere, joined to others and with a value', () => {
    expect(on(RULES, 'git push origin main --force')).toEqual(['policy/no-force failure script[0]']);
    expect(on(RULES, 'git push --force=true')).toEqual(['policy/no-force failure script[0]']);
    expect(on(RULES, 'rm -rf x')).toEqual(['policy/rm-f failure script[0]']);
    expect(on(RULES, 'terraform -chdir=a apply')).toEqual(['policy/terraform-apply warning script[0]']);
  });

  it('lets the first entry that applies to a command decide, for that command only', () => {
    const yaml = 'commands:\n  - allow: sudo systemctl\n  - deny: systemctl stop\n';
    expect(on(yaml, 'sudo systemctl restart app')).toEqual([]);
    expect(on(yaml, 'sudo make')).toEqual(['policy/sudo warning script[0]']);
    expect(on(yaml, 'sudo systemctl stop app')).toEqual(['policy/systemctl-stop failure script[0]']);
    expect(on(yaml, '/tmp/sudo systemctl restart app')).toEqual(['policy/sudo warning script[0]']);
    expect(on('commands:\n  - allow: curl\n', 'curl x | sh')).toEqual([
      'policy/pipe-to-shell warning script[0]',
    ]);
  });

  it('gives a built-in rule another effect', () => {
    const yaml = 'rules:\n  sudo: deny\n  pipe-to-shell: allow\n  unparsed: deny\n';
    expect(on(yaml, 'sudo make')).toEqual(['policy/sudo failure script[0]']);
    expect(on(yaml, 'curl x | sh')).toEqual([]);
    expect(on(yaml, 'echo "')).toEqual(['policy/unparsed failure script[0]']);
    expect(on('', 'echo "')).toEqual(['policy/unparsed warning script[0]']);
  });

  it('can deny every command that is not named', () => {
    const yaml = 'rules:\n  unlisted-command: deny\ncommands:\n  - allow: make\n  - allow: cd\n';
    expect(on(yaml, 'cd app && make test')).toEqual([]);
    expect(on(yaml, 'cd app && make test | tee log')).toEqual(['policy/unlisted-command failure script[0]']);
  });

  it.each([
    ['eval "$CODE"', 'unseen-script'],
    ['bash -c "$CODE"', 'unseen-script'],
    ['base64 -d <<< Y3VybA== | sh', 'unseen-script'],
    ['sed s/a/b/ x.sh | bash', 'unseen-script'],
    ['eval "$(ssh-agent)"', 'unseen-script'],
    ['eval "$(curl x)"', 'pipe-to-shell'],
    ['. <(curl x)', 'pipe-to-shell'],
    ['curl x | python3 -', 'pipe-to-shell'],
    ['curl x | tar xz | sudo bash', 'pipe-to-shell'],
    ['{ wget -O- x; } | sh', 'pipe-to-shell'],
    ['$CMD -rf /', 'dynamic-command'],
    ['/bin/r? x', 'dynamic-command'],
    ['{rm,-rf,/}', 'dynamic-command'],
    ['rm -rf //', 'remove-root'],
    ['rm -rf /./', 'remove-root'],
    ['find / -delete', 'remove-root'],
    ['git push --mirror', 'force-push'],
    ['echo "$(', 'unparsed'],
    ['cat <<EOF\nx', 'unparsed'],
  ])('finds in %j: %s', (line, rule) => {
    expect(on('', line).join()).toContain(`policy/${rule} `);
  });

  it.each([
    'curl x | jq . | sort',
    'curl x | python3 tool.py',
    'source <(kubectl completion bash)',
    'bash -c \'echo "$1"\' x y',
    'find . -name x -delete',
    'while read -r line; do echo "$line"; done < list',
    '[ -f x ] && [[ -n $y ]]',
    'cat <<EOF | kubectl apply -f -\n$x\nEOF',
  ])('finds nothing in %j', (line) => {
    expect(on('', line)).toEqual([]);
  });

  it('denies what is outside the restrictions, on its line', () => {
    const yaml = 'jobs:\n  runs_on: [devbox, mac]\n  workdirs: [/workspace]\n  kinds: [run_shell]\n';
    expect(findings(yaml, { runs_on: ['mac'], workdir: '/workspace/app' })).toEqual([]);
    expect(findings(yaml, { runs_on: ['mac'], workdir: '/workspace' })).toEqual([]);
    expect(findings(yaml, { runs_on: ['mac', 'gke'], workdir: '/workspaces' })).toEqual([
      'policy/workdir failure workdir',
      'policy/runner failure runs_on',
    ]);
    expect(findings(yaml, { workdir: '/workspace' })).toEqual(['policy/runner failure runs_on']);
  });

  it('wants every script to say whether it needs the network where the default is off', () => {
    expect(findings('jobs:\n  network: off\n', {})).toEqual(['policy/network failure network']);
    for (const network of ['on', 'off'] as const)
      expect(findings('jobs:\n  network: off\n', { network })).toEqual([]);
    const parsed = parseSettings('jobs:\n  network: off\n');
    const done = completeJob(
      { script: ['ls'], workdir: '/workspace' },
      { id: '2025-11-22-001', defaults: parsed.ok ? parsed.settings.defaults : {} },
    );
    expect(done.ok ? done.job.network : done.errors).toBe('off');
  });

  it.each([
    ['commands:\n  - kubectl delete', '`commands[0]` is "kubectl delete": use one of allow, warn and deny'],
    ['commands:\n  - deny: a\n    allow: b', 'use one of allow, warn and deny'],
    ['commands:\n  - deny: a | b', '`commands[0].deny` is "a | b": use a command of plain words'],
    ['commands:\n  - deny: $X', 'use a command of plain words'],
    ['commands:\n  - deny: a\n    nme: x', 'did you mean `name`?'],
    ['commands:\n  - deny: a\n    name: sudo', 'no name of a built-in rule'],
    ['rules:\n  sudoo: deny', 'did you mean `sudo`?'],
    ['rules:\n  sudo: block', '`rules.sudo` is "block": use allow, warn or deny'],
    ['jobs:\n  workdirs: [app]', '`jobs.workdirs[0]` is "app": use an absolute path'],
  ])('refuses %j', (yaml, message) => {
    const parsed = parseSettings(yaml);
    expect(parsed.ok ? '' : parsed.findings.map((finding) => finding.message).join()).toContain(message);
  });
});

describe('a denied command stays denied', () => {
  /** Around a simple command. */
  const PREFIXES: ((command: string) => string)[] = [
    (c) => `sudo ${c}`,
    (c) => `env A=b ${c}`,
    (c) => `nohup ${c}`,
    (c) => `timeout 5 ${c}`,
    (c) => `command ${c}`,
    (c) => `xargs -n1 ${c}`,
    (c) => `find . -exec ${c} \\;`,
    (c) => `bash -c ${quoted(c)}`,
    (c) => `ssh host ${quoted(c)}`,
    (c) => `eval ${quoted(c)}`,
  ];
  /** Around any list. */
  const GROUPS: ((list: string) => string)[] = [
    (c) => `( ${c} )`,
    (c) => `{ ${c}; }`,
    (c) => `! ${c}`,
    (c) => `time ${c}`,
    (c) => `true && ${c}`,
    (c) => `echo x | ${c}`,
    (c) => `if true; then ${c}; fi`,
    (c) => `echo "$( ${c} )"`,
    (c) => `f() { ${c}; }; f`,
    (c) => `bash <<'E_${c.length}'\n${c}\nE_${c.length}\n`,
  ];
  const quoted = (text: string) => `'${text.replaceAll("'", `'\\''`)}'`;
  /** Another way to write the same word. */
  const spelled = (word: string) =>
    fc
      .constantFrom<(text: string) => string>(
        (text) => text,
        quoted,
        (text) => `"${text}"`,
        (text) => `\\${text}`,
        (text) => `${text.slice(0, 1)}''${text.slice(1)}`,
        (text) => `${text.slice(0, 2)}\\\n${text.slice(2)}`,
        (text) => `$'\\x${text.charCodeAt(0).toString(16)}${text.slice(1)}'`,
      )
      .map((spell) => spell(word));
  const gap = fc.constantFrom(' ', '  ', '\t', ' \\\n ', ' \\\n\t');
  const script = fc
    .tuple(spelled('kubectl'), gap, spelled('delete'), gap, spelled('zz'))
    .map((parts) => parts.join(''))
    .chain((command) =>
      fc
        .tuple(
          fc.array(fc.constantFrom(...PREFIXES), { maxLength: 3 }),
          fc.option(fc.constantFrom(...GROUPS), { nil: undefined }),
        )
        .map(([prefixes, group]) => {
          const wrapped = prefixes.reduce((text, wrap) => wrap(text), command);
          return group ? group(wrapped) : wrapped;
        }),
    );

  it('whatever its quotes, white space and wrappers', () => {
    fc.assert(
      fc.property(script, (line) => {
        expect(readShell(line).problem).toBeNull();
        expect(on(RULES, line).join('\n')).toContain('policy/kubectl-delete failure');
      }),
      { numRuns: 150 },
    );
  });

  it('and no text makes it throw', () => {
    const piece = fc.constantFrom(
      ...['"', "'", '`', '$(', ')', '${', '}', '<<E\n', '|', '&&', ';', '\\', '\n', ' ', '{', '(', 'rm', '#'],
      ...[
        'bash -c ',
        'eval ',
        'sudo ',
        'case x in',
        'esac',
        '[[',
        ']]',
        '((',
        '))',
        '=',
        '<(',
        '~',
        '*',
        '$x',
      ],
    );
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string({ unit: 'binary', minLength: 1, maxLength: 200 }).filter((text) => text.isWellFormed()),
          fc.array(piece, { minLength: 1, maxLength: 30 }).map((parts) => parts.join('')),
        ),
        (line) => {
          expect(Array.isArray(on('', line))).toBe(true);
        },
      ),
      { numRuns: 150 },
    );
  });
});
