/** The ids of what is selected here. Knows nothing about shapes. */
export class Selection {
  private current: ReadonlySet<string> = new Set();
  private readonly listeners = new Set<() => void>();

  get ids(): ReadonlySet<string> {
    return this.current;
  }
  get size(): number {
    return this.current.size;
  }

  has(id: string): boolean {
    return this.current.has(id);
  }

  onChange(listener: () => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  set(ids: Iterable<string>): void {
    const next = new Set(ids);
    if (next.size === this.current.size && [...next].every((id) => this.current.has(id))) return;
    this.current = next;
    for (const listener of this.listeners) listener();
  }

  clear(): void {
    this.set([]);
  }

  /** Takes all of these away if they are all there, else adds them. */
  toggle(ids: readonly string[]): void {
    const next = new Set(this.current);
    const areThere = ids.every((id) => next.has(id));
    for (const id of ids) if (areThere) next.delete(id);
    else next.add(id);
    this.set(next);
  }

  /** Forgets what is not there any more. */
  prune(exists: (id: string) => boolean): void {
    this.set([...this.current].filter(exists));
  }
}
