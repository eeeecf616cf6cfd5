/** How often something may be done, for many keys. */
export interface Rates {
  /** Counts one. null: it may be done; else the whole seconds until it may. */
  take(key: string, now: number): number | null;
}

/** Keys remembered; the one longest unused is forgotten first, and begins anew. */
const KEYS_MAX = 10_000;

/** A bucket for each key: `burst` at once, then `perSecond`. Times are milliseconds. */
export function createRates(limits: { burst: number; perSecond: number; keys?: number }): Rates {
  const { burst, perSecond, keys = KEYS_MAX } = limits;
  const buckets = new Map<string, { left: number; at: number }>();
  return {
    take(key, now) {
      const known = buckets.get(key);
      buckets.delete(key);
      const elapsed = known ? Math.max(0, now - known.at) : 0;
      const left = Math.min(burst, (known?.left ?? burst) + (elapsed / 1_000) * perSecond);
      const granted = left >= 1;
      buckets.set(key, { left: granted ? left - 1 : left, at: now });
      if (buckets.size > keys) {
        const [oldest] = buckets.keys();
        if (oldest !== undefined) buckets.delete(oldest);
      }
      return granted ? null : Math.max(1, Math.ceil((1 - left) / perSecond));
    },
  };
}
