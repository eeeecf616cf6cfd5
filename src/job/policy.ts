import { COMMAND_RULES } from './command-rules.ts';
import type { Finding } from './finding.ts';
import { type Job, scriptOf } from './job.ts';
import { holdsSecret, LINE_RULES } from './line-rules.ts';
import { fieldName, type JsonPath, lineOf, placesIn } from './locate.ts';
import { beginsWith, isCommand } from './match-command.ts';
import type { CommandRule } from './policy-settings.ts';
import { type Effect, RULES, type RuleName } from './rules.ts';
import type { Settings } from './settings.ts';
import { readShell, type ShellReading } from './shell/read-shell.ts';
import { nameOf, type ShellCommand } from './shell/shell-command.ts';

export { lineOf };

/** One thing a rule found, before its place in the file is known. */
interface Found {
  rule: string;
  effect: Effect;
  where: JsonPath;
  message: string;
}

/** What the repository's limits and the guard-rail say about a valid job, each at its line of the file. */
export function policyFindings(job: Job, text: string, path: string, settings: Settings): Finding[] {
  const place = placesIn(text);
  const found = [
    ...restrictionsOn(job, settings),
    ...scriptFindings(scriptOf(job), settings),
    ...agentFindings(job, settings),
    ...secretsIn(job, settings),
  ];
  return found
    .flatMap(({ rule, effect, where, message }): Finding[] =>
      effect === 'allow'
        ? []
        : [
            {
              rule: `policy/${rule}`,
              severity: effect === 'deny' ? 'failure' : 'warning',
              path,
              ...place(where),
              field: fieldName(where),
              message,
            },
          ],
    )
    .sort((a, b) => a.line - b.line || a.column - b.column);
}

/** `limits` and `jobs` of the settings: what is outside is denied. */
function restrictionsOn(job: Job, { limits, policy: { jobs } }: Settings): Found[] {
  const found: Found[] = [];
  const deny = (rule: string, field: string, message: string) =>
    found.push({ rule, effect: 'deny', where: [field], message });
  if (job.timeout_minutes > limits.maxTimeoutMinutes)
    deny(
      'timeout',
      'timeout_minutes',
      `\`timeout_minutes\` is ${job.timeout_minutes}: this repository allows at most ${limits.maxTimeoutMinutes} (limits.max_timeout_minutes)`,
    );
  const script = scriptOf(job);
  if (script.length > limits.maxScriptLines)
    deny(
      'script-lines',
      'script',
      `\`script\` has ${script.length} lines: this repository allows at most ${limits.maxScriptLines} (limits.max_script_lines); put them into a file and call it`,
    );
  const only = (names: readonly string[], setting: string) =>
    `this repository allows only ${names.join(', ')} (${setting})`;
  if (jobs.kinds && !jobs.kinds.includes(job.kind))
    deny('kind', 'kind', `\`kind\` is ${job.kind}: ${only(jobs.kinds, 'jobs.kinds')}`);
  const labels = job.runs_on ?? [];
  const { runsOn, workdirs } = jobs;
  if (runsOn && (labels.length === 0 || !labels.every((label) => runsOn.includes(label))))
    deny(
      'runner',
      'runs_on',
      `\`runs_on\` is ${labels.join(', ') || 'any runner'}: ${only(runsOn, 'jobs.runs_on')}`,
    );
  if (workdirs && !workdirs.some((root) => job.workdir === root || job.workdir.startsWith(`${root}/`)))
    deny(
      'workdir',
      'workdir',
      `\`workdir\` is ${job.workdir}: ${only(workdirs, 'jobs.workdirs')}, and what is below`,
    );
  if (jobs.network === 'off' && job.kind === 'run_shell' && job.network === undefined)
    deny(
      'network',
      'network',
      '`network` is missing: this repository keeps scripts from the network unless they ask for it (jobs.network); add "network": "off", or "on" with its reason in `why`',
    );
  return found;
}

/** Commands of one job that are looked at: nobody reads more, and it bounds the time. */
const MAX_COMMANDS = 4_000;

function scriptFindings(script: readonly string[], settings: Settings): Found[] {
  let seen = 0;
  return script.flatMap((line, index) => {
    const reading: ShellReading =
      seen < MAX_COMMANDS
        ? readShell(line)
        : { commands: [], problem: 'comes after more commands than are looked at' };
    seen += reading.commands.length;
    return lineFindings(line, index, reading, settings);
  });
}

function lineFindings(line: string, index: number, reading: ShellReading, settings: Settings): Found[] {
  const { rules, commands } = settings.policy;
  const where = ['script', index];
  const name = `\`script[${index}]\``;
  const found = new Map<string, Found>();
  // One finding a rule and line, the gravest.
  const say = (rule: string, effect: Effect, message: string) => {
    if (effect === 'deny' || found.get(rule)?.effect !== 'deny')
      found.set(rule, { rule, effect, where, message: `${name} ${message}` });
  };
  const builtIn = (rule: RuleName, message: string = RULES[rule].message) =>
    say(rule, rules[rule], `${message}${guardRail(rules[rule])}`);
  for (const { rule, test } of LINE_RULES) if (test(line)) builtIn(rule);
  if (reading.problem !== null)
    builtIn('unparsed', `${reading.problem}, so the rules on commands did not see all of it`);
  for (const command of reading.commands) {
    const own = commands.find((entry) => applies(entry, command));
    if (own) {
      const why = own.why === null ? '' : `: ${own.why}`;
      const verb = own.effect === 'deny' ? 'may not run' : 'runs';
      say(own.name, own.effect, `${verb} \`${own.words.join(' ')}\`${why}${guardRail(own.effect)}`);
      continue;
    }
    for (const { rule, test } of COMMAND_RULES) if (test(command, nameOf(command))) builtIn(rule);
    if (command.words.length > 0) builtIn('unlisted-command', unlisted(command));
  }
  return [...found.values()];
}

/** An entry that allows must be the very command: a file of that name elsewhere is another. */
function applies(entry: CommandRule, command: ShellCommand): boolean {
  return entry.effect === 'allow' ? beginsWith(command, entry.words) : isCommand(command, entry.words);
}

function unlisted(command: ShellCommand): string {
  return `runs \`${(command.words[0]?.text ?? '').slice(0, 80)}\`, which \`commands\` does not name`;
}

/** Rules on characters that make sense for prose. */
const BRIEF_RULES: readonly RuleName[] = ['hidden-character', 'lookalike', 'secret', 'password'];

/** What is said of a brief and of the sandbox its agent gets. */
function agentFindings(job: Job, { policy: { rules } }: Settings): Found[] {
  if (job.kind !== 'codex') return [];
  const say = (rule: RuleName, field: string): Found => ({
    rule,
    effect: rules[rule],
    where: [field],
    message: `\`${field}\` ${RULES[rule].message}${guardRail(rules[rule])}`,
  });
  return [
    ...LINE_RULES.filter(({ rule, test }) => BRIEF_RULES.includes(rule) && test(job.prompt)).map(({ rule }) =>
      say(rule, 'prompt'),
    ),
    ...(job.sandbox === 'danger-full-access' ? [say('agent-full-access', 'sandbox')] : []),
  ];
}

/** Whoever reads a denial should not take the absence of one for safety. */
function guardRail(effect: Effect): string {
  return effect === 'deny' ? ' (denied by a rule, a guard-rail and no boundary)' : '';
}

function secretsIn(job: Job, settings: Settings): Found[] {
  return [...keysIn(scriptOf(job), settings), ...environmentSecrets(job, settings)];
}

/** A private key is one only with the lines below its beginning. */
function keysIn(script: readonly string[], settings: Settings): Found[] {
  return script.flatMap((line, index): Found[] => {
    if (!line.includes('-----BEGIN') || holdsSecret(line)) return [];
    if (!holdsSecret(script.slice(index, index + 3).join('\n'))) return [];
    const message = `\`script[${index}]\` begins a private key: revoke it, and keep it in a file of the runner`;
    return [{ rule: 'secret', effect: settings.policy.rules.secret, where: ['script', index], message }];
  });
}

function environmentSecrets(job: Job, settings: Settings): Found[] {
  return Object.entries(job.env ?? {}).flatMap(([name, value]): Found[] => {
    if (!holdsSecret(value)) return [];
    const message = `\`env.${name}\` looks like a secret, which everyone who reads the repository sees: revoke it, and name it in \`secrets\``;
    return [{ rule: 'secret', effect: settings.policy.rules.secret, where: ['env', name], message }];
  });
}
