import type { LogRecord, RunResult } from '../job/run-result.ts';
import { redactText } from '../job/secrets/redact.ts';
import type { Environment } from './job-environment.ts';
import { knownSecrets } from './known-secrets.ts';

/** As in execute-shell.ts: whoever keeps the log knows its length. */
type Result = Omit<RunResult, 'log_bytes'>;

/** As the result's `message` may be. */
const MESSAGE_MAX_CHARACTERS = 2000;

/** What every executor begins with: the run's clock, what must not be shown, and how it ends or is refused. */
export function beginResult(options: {
  environment: Environment;
  hide?: readonly string[];
  onRecord: (record: LogRecord) => void;
}) {
  const startedAt = new Date();
  const started = performance.now();
  const seconds = () => Math.round(performance.now() - started) / 1000;
  const hide = [...knownSecrets(options.environment), ...(options.hide ?? [])];
  const redact = (text: string) => redactText(text, hide);
  const end = (part: Partial<Result> & Pick<Result, 'outcome'>): Result => ({
    exit_code: null,
    signal: null,
    started_at: startedAt.toISOString(),
    finished_at: new Date().toISOString(),
    duration_seconds: seconds(),
    steps: [],
    message: null,
    report: null,
    ...part,
  });
  const note = (text: string) => options.onRecord({ s: 'note', t: seconds(), d: redact(text) });
  const refuse = (message: string) => {
    note(message);
    return end({ outcome: 'refused', message: redact(message).slice(0, MESSAGE_MAX_CHARACTERS) });
  };
  return { seconds, hide, redact, end, note, refuse };
}
