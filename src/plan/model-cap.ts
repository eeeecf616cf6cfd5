import type { Scope } from '../github/scope.ts';
import { dayOf } from '../job/day.ts';
import { priceOf, usdOf } from '../job/model-prices.ts';
import type { Settings } from '../job/settings.ts';
import type { Reader } from '../store/announce.ts';
import { type ModelUsage, modelUsageSince } from '../store/usage.ts';

/** What the repository's asks have used today, against the caps of the settings. */
export interface DayUsage {
  tokens: number;
  /** Of the models whose price is known. */
  usd: number;
  /** Models without a known price: only their tokens are capped. */
  unpriced: string[];
  /** When the day ends (ms). */
  resetsAt: number;
}

/** A cap that was reached before a call went out. */
export class CapReachedError extends Error {
  override readonly name = 'CapReachedError';
  readonly cap: 'tokens' | 'usd';
  readonly usage: DayUsage;

  constructor(cap: 'tokens' | 'usd', usage: DayUsage) {
    super(`the day's cap of ${cap} is reached`);
    this.cap = cap;
    this.usage = usage;
  }
}

/** Longest answer that is asked for at first; see make-plan.ts. */
const OUTPUT_TOKENS = 16_000;

/** @throws CapReachedError when no further call of `model` may go out today */
export async function checkModelCap(
  db: Reader,
  scope: Pick<Scope, 'repo' | 'settings' | 'now'>,
  model: string,
): Promise<void> {
  const { settings } = scope;
  const usage = await usageToday(db, scope);
  if (usage.tokens >= settings.limits.tokensPerDay) throw new CapReachedError('tokens', usage);
  const priced = priceOf(settings.modelPrices, model) !== null;
  if (priced && usage.usd >= settings.limits.usdPerDay) throw new CapReachedError('usd', usage);
}

export async function usageToday(
  db: Reader,
  { repo, settings, now }: Pick<Scope, 'repo' | 'settings' | 'now'>,
): Promise<DayUsage> {
  const day = dayOf(now(), settings.timeZone);
  return dayUsage(await modelUsageSince(db, repo.id, day.start), settings, day.end);
}

/** A call that has not answered is taken for a full one: what goes out at once must not slip through. */
export function dayUsage(rows: readonly ModelUsage[], settings: Settings, resetsAt: number): DayUsage {
  const usage: DayUsage = { tokens: 0, usd: 0, unpriced: [], resetsAt };
  for (const { model, input, output, unanswered } of rows) {
    const whole = {
      input: input + unanswered * settings.context.maxTokens,
      output: output + unanswered * OUTPUT_TOKENS,
    };
    usage.tokens += whole.input + whole.output;
    const usd = usdOf(settings.modelPrices, model, whole);
    if (usd === null) usage.unpriced.push(model);
    else usage.usd += usd;
  }
  return usage;
}
