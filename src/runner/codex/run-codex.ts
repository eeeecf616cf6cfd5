import { spawn } from 'node:child_process';
import type { Readable } from 'node:stream';
import type { CodexJob } from '../../job/job.ts';
import { AGENT_MESSAGE_MAX, type AgentResult, type LogRecord } from '../../job/run-result.ts';
import { createRedactor } from '../../job/secrets/redact.ts';
import { guardRun, type Stopped } from '../guard-run.ts';
import { outputLines } from '../output-lines.ts';
import { exitOf, type ShellTiming, within } from '../run-bash.ts';
import { endLeftovers } from '../tagged-processes.ts';
import { tellEvent } from './codex-events.ts';
import { jsonLines } from './json-lines.ts';

export interface CodexEnd {
  ended: { exit_code: number | null; signal: string | null; duration_seconds: number; finished_at: string };
  stopped: Stopped | null;
  leftovers: number;
  message: string | null;
  usage: AgentResult['usage'];
}

/** Codex's own keys are for Codex, not for the commands it runs. */
const OWN_KEYS = ['CODEX_API_KEY', 'OPENAI_API_KEY', 'CODEX_ACCESS_TOKEN'];

/** The words after `codex`. `config`: overrides of the runner, `key=value` in TOML. The brief comes by stdin. */
export function codexArguments(job: CodexJob, cwd: string, config: readonly string[]): string[] {
  const settings = [
    `shell_environment_policy.exclude=${JSON.stringify(OWN_KEYS)}`,
    ...config,
    // After the runner's: what was approved holds.
    `sandbox_workspace_write.network_access=${job.network === 'on'}`,
    'approval_policy="never"',
  ];
  return [
    ...['exec', '--json', '--ephemeral', '--ignore-user-config', '--ignore-rules', '--color', 'never'],
    ...['--cd', cwd, '--sandbox', job.sandbox],
    ...(job.model === undefined ? [] : ['--model', job.model]),
    ...settings.flatMap((setting) => ['--config', setting]),
    '-',
  ];
}

/** The Codex CLI in a process group of its own, until it has exited and nothing of the run is left. */
export async function runCodex(plan: {
  job: CodexJob;
  cwd: string;
  env: Record<string, string>;
  config: readonly string[];
  hide: readonly string[];
  redact: (text: string) => string;
  seconds: () => number;
  timing: Required<ShellTiming>;
  runId: string;
  signal: AbortSignal | undefined;
  onRecord: (record: LogRecord) => void;
  onStart: ((pid: number) => void) | undefined;
}): Promise<CodexEnd> {
  const { seconds, timing, redact, onRecord } = plan;
  const child = spawn('codex', codexArguments(plan.job, plan.cwd, plan.config), {
    cwd: plan.cwd,
    env: plan.env,
    detached: true,
    stdio: 'pipe',
  });
  // It may end without having read it.
  child.stdin.on('error', () => undefined);
  child.stdin.end(plan.job.prompt);
  const exit = exitOf(child);
  if (child.pid !== undefined) plan.onStart?.(child.pid);

  let message: string | null = null;
  let usage: AgentResult['usage'] = null;
  const events = jsonLines((line, complete) => {
    const t = seconds();
    const told = tellEvent(line);
    if (told.message !== undefined) message = told.message;
    if (told.usage) {
      const before = usage ?? { input_tokens: 0, cached_input_tokens: 0, output_tokens: 0 };
      usage = {
        input_tokens: before.input_tokens + told.usage.input_tokens,
        cached_input_tokens: before.cached_input_tokens + told.usage.cached_input_tokens,
        output_tokens: before.output_tokens + told.usage.output_tokens,
      };
    }
    if (complete) for (const record of pieces(redact(line))) onRecord({ s: 'event', t, ...record });
    // The whole text at once: a secret may stand on several lines.
    for (const s of ['out', 'err'] as const) {
      if (told[s].length === 0) continue;
      for (const text of redact(told[s].join('\n')).split('\n'))
        for (const record of pieces(text)) onRecord({ s, t, ...record });
    }
  });
  const errors = outputLines({
    stream: 'err',
    redactor: createRedactor(plan.hide),
    partialMs: timing.partialMs,
    seconds,
    emit: onRecord,
  });
  const drained = Promise.all([read(child.stdout, events.push), read(child.stderr, errors.push)]);
  const guard = guardRun({
    runId: plan.runId,
    pid: child.pid ?? null,
    timeoutMs: timing.timeoutMs,
    graceMs: timing.graceMs,
    signal: plan.signal,
    onFailure: (cause) => onRecord({ s: 'note', t: seconds(), d: `could not signal: ${cause}` }),
  });
  try {
    const { code, signal } = await exit;
    const ended = {
      exit_code: code,
      signal,
      duration_seconds: seconds(),
      finished_at: new Date().toISOString(),
    };
    guard.ended();
    await within(timing.settleMs, drained);
    const leftovers = await endLeftovers(plan.runId, child.pid ?? null, timing.graceMs);
    await within(timing.settleMs, drained);
    child.stdout.destroy();
    child.stderr.destroy();
    events.end();
    errors.end();
    const said = message === null ? null : redact(message).slice(0, AGENT_MESSAGE_MAX);
    return { ended, stopped: guard.stopped(), leftovers, message: said, usage };
  } finally {
    guard.release();
  }
}

function read(stream: Readable, push: (bytes: Buffer) => void): Promise<void> {
  return new Promise((resolve) => {
    stream.on('data', push);
    stream.once('end', resolve);
    // Destroyed by us, or the pipe broke: what came has been taken.
    stream.once('error', () => resolve());
    stream.once('close', resolve);
  });
}

/** As much as a record holds; see LogRecord. */
const RECORD_MAX_CHARACTERS = 5461;

function pieces(text: string): ({ d: string } | { d: string; p: true })[] {
  const records: ({ d: string } | { d: string; p: true })[] = [];
  let at = 0;
  while (text.length - at > RECORD_MAX_CHARACTERS) {
    const unit = text.charCodeAt(at + RECORD_MAX_CHARACTERS - 1);
    const end = at + RECORD_MAX_CHARACTERS - (unit >= 0xd800 && unit < 0xdc00 ? 1 : 0);
    records.push({ d: text.slice(at, end), p: true });
    at = end;
  }
  return [...records, { d: text.slice(at) }];
}
