import { parentPort } from 'node:worker_threads';
import { type Evaluated, evaluateDod, type Seen, seenBy } from './evaluate-dod.ts';

export interface DodRequest {
  id: number;
  source: string;
  /** The facts the DoD refers to, without the report. */
  facts: Readonly<Record<string, unknown>>;
  /** The report as JSON text, which unlike an object can be copied however deep it nests; null = not used. */
  report: string | null;
}

/** `started` before the work, so that neither boot nor copying counts against its time; `done` at the end. */
export type DodReply =
  | { id: number; event: 'started' }
  | { id: number; event: 'evaluated'; result: Evaluated }
  | { id: number; event: 'seen'; seen: Seen }
  | { id: number; event: 'done' };

const reply = (message: DodReply) => parentPort?.postMessage(message);

parentPort?.on('message', (request: DodRequest) => {
  const { id, source } = request;
  reply({ id, event: 'started' });
  const facts = withReport(request);
  const result = evaluateDod(source, facts);
  // The answer goes out first: collecting what it saw may still run out of time.
  reply({ id, event: 'evaluated', result });
  if (result.kind === 'unmet') {
    for (const seen of seenBy(source, facts)) reply({ id, event: 'seen', seen });
  }
  reply({ id, event: 'done' });
});

function withReport({ facts, report }: DodRequest): Readonly<Record<string, unknown>> {
  return report === null ? facts : { ...facts, report: JSON.parse(report) };
}
