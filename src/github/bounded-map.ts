/** A map of at most `limit` entries: the oldest gives way to a new one. */
export class BoundedMap<K, V> extends Map<K, V> {
  readonly #limit: number;

  constructor(limit: number) {
    super();
    this.#limit = limit;
  }

  override set(key: K, value: V): this {
    const oldest = this.keys().next();
    if (this.size >= this.#limit && !this.has(key) && !oldest.done) this.delete(oldest.value);
    return super.set(key, value);
  }
}
