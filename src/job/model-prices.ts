/** USD per million tokens. */
export interface ModelPrice {
  input: number;
  output: number;
}

/** OpenAI's list prices without discounts, 2026-11; `model_prices` of the settings adds to them. */
export const MODEL_PRICES: Readonly<Record<string, ModelPrice>> = {
  'gpt-5.4': { input: 2.5, output: 15 },
  'gpt-5.1': { input: 1.25, output: 10 },
  'gpt-5': { input: 1.25, output: 10 },
  'gpt-5-mini': { input: 0.25, output: 2 },
  'gpt-5-nano': { input: 0.05, output: 0.4 },
  'gpt-4.1': { input: 2, output: 8 },
  'gpt-4.1-mini': { input: 0.4, output: 1.6 },
  'gpt-4.1-nano': { input: 0.1, output: 0.4 },
  'gpt-4o': { input: 2.5, output: 10 },
  'gpt-4o-mini': { input: 0.15, output: 0.6 },
  o3: { input: 2, output: 8 },
  'o4-mini': { input: 1.1, output: 4.4 },
};

/** A dated snapshot (`gpt-5-2025-08-07`) has the price of its model; null = the price is not known. */
export function priceOf(prices: Readonly<Record<string, ModelPrice>>, model: string): ModelPrice | null {
  const name = model.replace(/-\d{4}-\d{2}-\d{2}$/, '');
  for (const known of [model, name]) if (Object.hasOwn(prices, known)) return prices[known] ?? null;
  return null;
}

/** What tokens cost in USD; null = the price is not known. */
export function usdOf(
  prices: Readonly<Record<string, ModelPrice>>,
  model: string,
  tokens: { input: number; output: number },
): number | null {
  const price = priceOf(prices, model);
  return price && (tokens.input * price.input + tokens.output * price.output) / 1_000_000;
}
