import OpenAI from 'openai';
import { zodTextFormat } from 'openai/helpers/zod';
import { z } from 'zod';
import { ModelError } from './model-error.ts';
import { toModelError } from './to-model-error.ts';

/** One turn of the conversation sent to the model. */
export interface Message {
  role: 'user' | 'assistant';
  text: string;
}

/** Tokens as the endpoint counted them; 0 where it said nothing. */
export interface Usage {
  input: number;
  output: number;
}

interface StructuredRequest {
  /** The system prompt. */
  instructions: string;
  input: Message[];
  /** A root object without optional fields, records or a root union: strict mode refuses them. */
  schema: z.ZodType;
  /** Name of the schema, visible to the model. */
  name: string;
  signal: AbortSignal;
  maxOutputTokens: number;
}

/** What came back. `value` is parsed JSON, not yet checked against the schema. */
export type StructuredReply =
  | { kind: 'ok'; value: unknown; text: string; usage: Usage }
  | { kind: 'refusal'; text: string; usage: Usage }
  | { kind: 'cut_short'; usage: Usage }
  | { kind: 'not_json'; text: string; usage: Usage }
  | { kind: 'empty'; usage: Usage };

export interface Model {
  /** The model's name, for the record. */
  name: string;
  /** @throws ModelError for everything the endpoint or the network did; the signal's reason on abort. */
  structured(request: StructuredRequest): Promise<StructuredReply>;
}

export interface ModelSettings {
  apiKey: string;
  /** Any endpoint that speaks the Responses API. Default: OpenAI's. */
  baseURL?: string;
  model: string;
  /** Milliseconds for one call. Default 120,000. */
  timeoutMs?: number;
  fetch?: typeof globalThis.fetch;
  /** Milliseconds since the epoch; default Date.now. Only for `retryAt`. */
  now?: () => number;
}

const OPENAI_URL = 'https://api.openai.com/v1';
const TIMEOUT_MS = 120_000;

/** What we read of a response; endpoints that speak the Responses API leave out or add other things. */
const responseBody = z.object({
  status: z.string().nullish(),
  error: z.object({ code: z.string().nullish(), message: z.string().nullish() }).nullish(),
  incomplete_details: z.object({ reason: z.string().nullish() }).nullish(),
  output: z
    .array(
      z.object({
        type: z.string(),
        content: z
          .array(z.object({ type: z.string(), text: z.string().nullish(), refusal: z.string().nullish() }))
          .nullish(),
      }),
    )
    .nullish(),
  usage: z.object({ input_tokens: z.number().nullish(), output_tokens: z.number().nullish() }).nullish(),
});
type ResponseBody = z.infer<typeof responseBody>;

/**
 * A model behind the Responses API. One call is one request: the SDK's retries are off, because the work
 * item that made the call knows what else is due, counts the attempts and survives a restart.
 */
export function createModel(settings: ModelSettings): Model {
  const timeoutMs = settings.timeoutMs ?? TIMEOUT_MS;
  const now = settings.now ?? Date.now;
  const client = new OpenAI({
    apiKey: settings.apiKey,
    baseURL: settings.baseURL ?? OPENAI_URL,
    // Otherwise the SDK reads these from the process environment.
    organization: null,
    project: null,
    maxRetries: 0,
    // The deadline below covers the body too; the SDK's own must not come first.
    timeout: timeoutMs + 1000,
    logLevel: 'off',
    ...(settings.fetch ? { fetch: settings.fetch } : {}),
  });

  return {
    name: settings.model,
    async structured(request) {
      request.signal.throwIfAborted();
      const format = zodTextFormat(request.schema, request.name);
      const deadline = AbortSignal.timeout(timeoutMs);
      try {
        const response: unknown = await client.responses.create(
          {
            model: settings.model,
            instructions: request.instructions,
            input: request.input.map(({ role, text }) => ({ role, content: text })),
            text: { format },
            max_output_tokens: request.maxOutputTokens,
            store: false,
          },
          { signal: AbortSignal.any([request.signal, deadline]) },
        );
        return readReply(response);
      } catch (error) {
        if (request.signal.aborted) throw request.signal.reason;
        if (deadline.aborted) throw timedOut(timeoutMs, error);
        throw toModelError(error, now());
      }
    },
  };
}

function timedOut(timeoutMs: number, cause: unknown): ModelError {
  return new ModelError('timeout', `The model did not answer within ${timeoutMs / 1000} s.`, { cause });
}

function readReply(response: unknown): StructuredReply {
  const parsed = responseBody.safeParse(response);
  if (!parsed.success) {
    throw new ModelError(
      'unavailable',
      'The model endpoint answered with something that is not a Responses API reply. Check OPENAI_BASE_URL.',
      { cause: parsed.error },
    );
  }
  const body = parsed.data;
  const usage = { input: body.usage?.input_tokens ?? 0, output: body.usage?.output_tokens ?? 0 };
  if (body.status === 'failed' || body.status === 'cancelled') throw failed(body);

  const parts = (body.output ?? []).flatMap((item) => item.content ?? []);
  const refusal = parts.find((part) => part.type === 'refusal');
  if (refusal) return { kind: 'refusal', text: refusal.refusal ?? '', usage };
  if (body.incomplete_details?.reason === 'content_filter') {
    return { kind: 'refusal', text: 'The endpoint withheld the answer (content filter).', usage };
  }
  if (body.status === 'incomplete') return { kind: 'cut_short', usage };

  const text = parts
    .filter((part) => part.type === 'output_text')
    .map((part) => part.text ?? '')
    .join('');
  if (text.trim() === '') return { kind: 'empty', usage };
  try {
    return { kind: 'ok', value: JSON.parse(text), text, usage };
  } catch {
    return { kind: 'not_json', text, usage };
  }
}

/** A response can fail after its 200: the reason stands in its body. */
function failed(body: ResponseBody): ModelError {
  const code = body.error?.code ?? 'unknown';
  const kind = code === 'rate_limit_exceeded' ? 'rate_limited' : 'unavailable';
  return new ModelError(kind, `The model endpoint gave up on the call (${code.slice(0, 80)}).`, {
    cause: body.error,
  });
}
