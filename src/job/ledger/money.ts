/** Amounts by currency (ISO 4217 code), in whole millionths of it: sums are exact, and parts add up to their whole. */
export type Money = Readonly<Record<string, number>>;

/** Millionths in one unit. */
const MICRO = 1_000_000;

/** `amount` in units, such as 0.0123 or 800. */
export function toMoney(amount: number, currency: string): Money {
  const micros = Math.round(amount * MICRO);
  return micros === 0 ? {} : { [currency]: micros };
}

export function addMoney(...parts: readonly Money[]): Money {
  const sum = new Map<string, number>();
  for (const part of parts)
    for (const [currency, micros] of Object.entries(part))
      sum.set(currency, (sum.get(currency) ?? 0) + micros);
  return Object.fromEntries(
    [...sum].filter(([, micros]) => micros !== 0).sort(([a], [b]) => (a < b ? -1 : 1)),
  );
}

/** `parts` shares that differ by a millionth at most and add up to the whole; none of nothing. */
export function splitMoney(whole: Money, parts: number): Money[] {
  return Array.from({ length: parts }, (_, index) =>
    Object.fromEntries(
      Object.entries(whole)
        .map(([currency, micros]): [string, number] => {
          const share = Math.floor(micros / parts);
          return [currency, share + (index < micros - share * parts ? 1 : 0)];
        })
        .filter(([, micros]) => micros !== 0),
    ),
  );
}

/** What one unit of each other currency is in `to`. */
export interface Rates {
  to: string;
  from: Readonly<Record<string, number>>;
}

/** Currencies with a rate become `to`; the others are kept as they are. */
export function convertMoney(money: Money, rates: Rates | null): Money {
  if (rates === null) return money;
  return addMoney(
    ...Object.entries(money).map(([currency, micros]): Money => {
      const rate = Object.hasOwn(rates.from, currency) ? rates.from[currency] : undefined;
      return rate === undefined ? { [currency]: micros } : { [rates.to]: Math.round(micros * rate) };
    }),
  );
}

/** In units, for a file that others read. */
export function toUnits(money: Money): Record<string, number> {
  return Object.fromEntries(Object.entries(money).map(([currency, micros]) => [currency, micros / MICRO]));
}

/** `JPY 16,800` or `JPY 800 + USD 0.12`; `–` for nothing. Small amounts keep two digits that count. */
export function formatMoney(money: Money): string {
  const parts = Object.entries(money).map(
    ([currency, micros]) => `${currency} ${amountOf(micros, currency)}`,
  );
  return parts.length > 0 ? parts.join(' + ') : '–';
}

function amountOf(micros: number, currency: string): string {
  const units = micros / MICRO;
  const digits = digitsOf(currency);
  const shown = new Intl.NumberFormat('en', { minimumFractionDigits: digits, maximumFractionDigits: digits });
  if (Math.abs(units) >= 0.5 * 10 ** -digits && Math.abs(units) >= 0.1) return shown.format(units);
  return new Intl.NumberFormat('en', { maximumSignificantDigits: 2 }).format(units);
}

/** Digits after the point, as ISO 4217 has them: none for yen. An unknown code has two. */
function digitsOf(currency: string): number {
  return (
    new Intl.NumberFormat('en', { style: 'currency', currency }).resolvedOptions().maximumFractionDigits ?? 2
  );
}
