import { z } from 'zod';
import type { AgentResult } from '../../job/run-result.ts';

/** One event of `codex exec --json`, told to people. */
export interface ToldEvent {
  out: string[];
  err: string[];
  /** Something the agent said; the last such is its answer. */
  message?: string;
  usage?: NonNullable<AgentResult['usage']>;
}

const count = z.number().transform((value) => Math.max(0, Math.round(value)));
const usage = z.object({
  input_tokens: count,
  cached_input_tokens: count.default(0),
  output_tokens: count,
});
const item = z.object({
  type: z.string(),
  text: z.string().optional(),
  command: z.string().optional(),
  aggregated_output: z.string().optional(),
  exit_code: z.number().nullish(),
  status: z.string().optional(),
  message: z.string().optional(),
  query: z.string().optional(),
  server: z.string().optional(),
  tool: z.string().optional(),
  changes: z.array(z.object({ path: z.string(), kind: z.string() })).optional(),
  items: z.array(z.object({ text: z.string(), completed: z.boolean() })).optional(),
});
const event = z.object({
  type: z.string(),
  message: z.string().optional(),
  error: z.object({ message: z.string() }).optional(),
  usage: usage.optional().catch(undefined),
  item: item.optional().catch(undefined),
});

const NOTHING: ToldEvent = { out: [], err: [] };
/** A model's event loop opens and closes without anything a person wants to read. */
const SILENT = new Set(['thread.started', 'turn.started', 'item.updated']);

/**
 * A line of the agent's output as a person reads it. Events of a kind that is not known are named, and what is no
 * event is shown as it is: the CLI is another's, and changes.
 */
export function tellEvent(line: string): ToldEvent {
  const parsed = parse(line);
  if (parsed === null) return line.trim() === '' ? NOTHING : { out: [line], err: [] };
  const { type } = parsed;
  if (SILENT.has(type)) return NOTHING;
  if (type === 'turn.completed') {
    if (!parsed.usage) return NOTHING;
    const { input_tokens, cached_input_tokens, output_tokens } = parsed.usage;
    const cached = cached_input_tokens > 0 ? ` (${cached_input_tokens} cached)` : '';
    return {
      out: [`tokens: ${input_tokens} in${cached}, ${output_tokens} out`],
      err: [],
      usage: parsed.usage,
    };
  }
  if (type === 'turn.failed') return { out: [], err: lines(parsed.error?.message ?? 'the turn failed') };
  if (type === 'error') return { out: [], err: lines(parsed.message ?? 'an error') };
  if (parsed.item && type === 'item.started') return tellStarted(parsed.item);
  if (parsed.item && type === 'item.completed') return tellCompleted(parsed.item);
  return { out: [`(${type})`], err: [] };
}

function tellStarted({ type, command }: z.output<typeof item>): ToldEvent {
  return type === 'command_execution' && command !== undefined
    ? { out: lines(command).map((text, index) => `${index === 0 ? '$' : ' '} ${text}`), err: [] }
    : NOTHING;
}

function tellCompleted(done: z.output<typeof item>): ToldEvent {
  const out = (...texts: string[]): ToldEvent => ({ out: texts.flatMap(lines), err: [] });
  switch (done.type) {
    case 'agent_message':
      return { ...out(done.text ?? ''), message: done.text ?? '' };
    case 'reasoning':
      return out(`thinks: ${done.text ?? ''}`);
    case 'command_execution': {
      const output = (done.aggregated_output ?? '').replace(/\n$/, '');
      const shown = output === '' ? [] : lines(output).map((text) => `  ${text}`);
      const end = done.exit_code === 0 ? [] : [`  = ${done.exit_code ?? done.status ?? 'not run'}`];
      return { out: [...shown, ...end], err: [] };
    }
    case 'file_change':
      return out(
        ...(done.changes ?? []).map(({ path, kind }) => `${kind}: ${path}`),
        ...(done.status === 'failed' ? ['the change could not be made'] : []),
      );
    case 'mcp_tool_call':
      return out(`tool: ${done.server ?? ''} ${done.tool ?? ''} ${done.status ?? ''}`.trimEnd());
    case 'web_search':
      return out(`searched: ${done.query ?? ''}`);
    case 'todo_list':
      return out(...(done.items ?? []).map(({ text, completed }) => `[${completed ? 'x' : ' '}] ${text}`));
    case 'error':
      return { out: [], err: lines(done.message ?? 'an error') };
    default:
      return out(`(${done.type})`);
  }
}

function parse(line: string): z.output<typeof event> | null {
  try {
    const parsed = event.safeParse(JSON.parse(line));
    return parsed.success ? parsed.data : null;
  } catch {
    return null;
  }
}

function lines(text: string): string[] {
  return text.split('\n');
}
