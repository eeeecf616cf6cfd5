import { z } from 'zod';
import type { Hints } from './describe-problem.ts';
import { shellJobSchema } from './job.ts';
import type { FixedCost } from './ledger/entry.ts';
import type { Rates } from './ledger/money.ts';

const name = shellJobSchema.shape.touches.unwrap().element;
/** ISO 4217's shape; which codes there are changes. */
const currency = z.string().regex(/^[A-Z]{3}$/);
const day = z
  .string()
  .regex(/^\d{4}-\d{2}-\d{2}$/)
  .refine((text) => new Date(`${text}T00:00:00Z`).toJSON()?.startsWith(text) === true);

const cost = z
  .strictObject({
    name,
    per_day: z.number().min(0).max(1_000_000_000),
    currency,
    from: day.optional(),
    until: day.optional(),
  })
  .refine(({ from, until }) => from === undefined || until === undefined || from <= until);

/** The ledger's sections of `.github/guruguru.yml`. */
export const costShape = {
  costs: z
    .array(cost)
    .max(50)
    .refine((costs) => new Set(costs.map((one) => one.name)).size === costs.length)
    .nullish(),
  rates: z
    .strictObject({ to: currency, from: z.record(currency, z.number().positive().max(1_000_000_000)) })
    .refine(({ to, from }) => !Object.hasOwn(from, to))
    .nullish(),
};
const costFile = z.object(costShape);

const CURRENCY_HINT = 'use the three capital letters of a currency, such as JPY';
const DAY_HINT = 'use a day, such as 2026-11-01';
export const COST_HINTS: Hints = {
  costs:
    'use a list of at most 50 entries with different names, such as "- { name: gke, per_day: 800, currency: JPY }"',
  'costs[]': 'use the keys name, per_day, currency and, if you like, from and until (not before from)',
  'costs[].name': 'use the name that jobs have in `touches`, such as gke',
  'costs[].per_day': 'use what a day costs, such as 800',
  'costs[].currency': CURRENCY_HINT,
  'costs[].from': DAY_HINT,
  'costs[].until': DAY_HINT,
  rates: 'use the keys to and from, such as { to: JPY, from: { USD: 155 } }; `to` needs no rate',
  'rates.to': CURRENCY_HINT,
  'rates.from': 'use what one unit of a currency is in `to`, such as { USD: 155 }',
  'rates.from key': CURRENCY_HINT,
  'rates.from.*': 'use a number above 0, such as 155',
};

export interface CostSettings {
  costs: FixedCost[];
  /** null: currencies are kept apart. */
  rates: Rates | null;
}

export const NO_COSTS: CostSettings = { costs: [], rates: null };

/** With what the file leaves out. */
export function costsOf(file: z.output<typeof costFile>): CostSettings {
  return {
    costs: (file.costs ?? []).map((one) => ({
      name: one.name,
      perDay: one.per_day,
      currency: one.currency,
      from: one.from ?? null,
      until: one.until ?? null,
    })),
    rates: file.rates ?? null,
  };
}
