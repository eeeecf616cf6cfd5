import { lineProblems } from './envelope-script.ts';
import type { Goal } from './goal.ts';
import type { Job } from './job.ts';

/** One way in which a job leaves the envelope of its goal. */
export interface EnvelopeFinding {
  /** Closed: what of the envelope is left. */
  rule:
    | 'goal'
    | 'kind'
    | 'runner'
    | 'workdir'
    | 'effect'
    | 'command'
    | 'environment'
    | 'network'
    | 'timeout'
    | 'report';
  /** Of the job file, dotted. */
  field: string;
  /** One sentence without its full stop that names the field. */
  message: string;
}

/**
 * Everything in which a job leaves its goal's envelope; empty = inside. Pure, and the one judge of it: the
 * app asks it before it merges a job by the goal's approval, a runner with `--verify` asks it again.
 */
export function envelopeFindings(goal: Goal, job: Job): EnvelopeFinding[] {
  const { envelope } = goal;
  const found: EnvelopeFinding[] = [];
  const say = (rule: EnvelopeFinding['rule'], field: string, message: string) =>
    found.push({ rule, field, message: `\`${field}\` ${message}` });
  if (job.goal !== goal.id) say('goal', 'goal', `is ${job.goal ?? 'missing'}, not ${goal.id}`);
  if (!envelope.kinds.includes(job.kind))
    say('kind', 'kind', `is ${job.kind}, not ${envelope.kinds.join(' or ')}`);
  const labels = job.runs_on ?? [];
  if (labels.length === 0)
    say('runner', 'runs_on', `names no runner; the envelope allows ${envelope.runners.join(', ')}`);
  for (const label of labels.filter((one) => !envelope.runners.includes(one)))
    say('runner', 'runs_on', `names ${label}; the envelope allows ${envelope.runners.join(', ')}`);
  const within = envelope.workdirs.some((root) => job.workdir === root || job.workdir.startsWith(`${root}/`));
  if (!within)
    say('workdir', 'workdir', `is ${job.workdir}; the envelope allows ${envelope.workdirs.join(', ')}`);
  // What says nothing of its effect may change something.
  if (envelope.effect === 'read' && job.effect !== 'read')
    say('effect', 'effect', 'is not read, and the envelope allows only looking');
  if (job.kind === 'codex') {
    // An agent's commands are not known beforehand: its own sandbox keeps them, and its changes are a PR.
    const safe = envelope.effect === 'read' ? ['read-only'] : ['read-only', 'workspace-write'];
    if (!safe.includes(job.sandbox))
      say('effect', 'sandbox', `is ${job.sandbox}; the envelope allows ${safe.join(' or ')}`);
  }
  for (const [index, line] of (job.kind === 'run_shell' ? job.script : []).entries()) {
    for (const problem of lineProblems(line, envelope)) say('command', `script[${index}]`, problem);
  }
  if (Object.keys(job.env ?? {}).length > 0)
    say('environment', 'env', 'sets the environment, which may change what commands do');
  if (job.secrets?.length) say('environment', 'secrets', `asks for ${job.secrets.join(', ')}`);
  if (job.network === 'on' && envelope.network !== 'on') say('network', 'network', 'asks for the network');
  if (job.timeout_minutes > envelope.timeout_minutes)
    say(
      'timeout',
      'timeout_minutes',
      `is ${job.timeout_minutes}; the envelope allows ${envelope.timeout_minutes}`,
    );
  if (job.report_path !== `reports/jobs/${job.id}.out`)
    say('report', 'report_path', 'is not the usual place, reports/jobs/<id>.out');
  return found;
}
