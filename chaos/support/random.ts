/** A reproducible stream of numbers. */
export interface Random {
  /** 0 (inclusive) to 1 (exclusive). */
  next(): number;
  chance(probability: number): boolean;
  /** `from` (inclusive) to `to` (exclusive). */
  between(from: number, to: number): number;
  pick<T>(list: readonly [T, ...T[]]): T;
  /** One of the keys, each as likely as its number says beside the others. */
  weighted<K extends string>(weights: Readonly<Record<K, number>>): K;
}

/**
 * The stream of one concern under a seed. Each concern draws from its own, so that a fault that is added
 * does not reshuffle the others.
 */
export function random(seed: number, concern: string): Random {
  let state = hash(`${seed}:${concern}`);
  // mulberry32, by Tommy Ettinger (public domain): 32 bits of state are plenty here.
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  return {
    next,
    chance: (probability) => next() < probability,
    between: (from, to) => from + next() * (to - from),
    pick: (list) => list[Math.floor(next() * list.length)] ?? list[0],
    weighted(weights) {
      const entries = Object.entries(weights) as [keyof typeof weights, number][];
      let left = next() * entries.reduce((sum, [, weight]) => sum + weight, 0);
      for (const [key, weight] of entries) {
        left -= weight;
        if (left < 0) return key;
      }
      const [last] = entries.at(-1) ?? [];
      if (last === undefined) throw new RangeError('weighted: there is nothing to choose from');
      return last;
    },
  };
}

/** FNV-1a. */
function hash(text: string): number {
  let value = 0x811c9dc5;
  for (const byte of Buffer.from(text)) value = Math.imul(value ^ byte, 0x01000193) >>> 0;
  return value;
}
