/** One series of an answer: its labels, and its newest value. */
export interface Sample {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

export interface Target {
  readonly instance: string;
  readonly health: string;
}

export interface Rule {
  readonly name: string;
  /** ok, err, or unknown before its first run. */
  readonly health: string;
}

interface Vector {
  readonly result: readonly { readonly metric: Record<string, string>; readonly value: readonly [number, string] }[];
}
interface Targets {
  readonly activeTargets: readonly { readonly labels: Record<string, string>; readonly health: string }[];
}
interface Groups {
  readonly groups: readonly { readonly rules: readonly Rule[] }[];
}

const number = (text: string): number => Number(text.replace('Inf', 'Infinity'));

/** A Prometheus, over its API. */
export class Prometheus {
  constructor(private readonly url: string) {}

  private async get<T>(path: string, parameters: Readonly<Record<string, string>> = {}): Promise<T> {
    const answer = await fetch(`${this.url}/api/v1/${path}?${new URLSearchParams(parameters)}`);
    const { status, data, error } = (await answer.json()) as { status: string; data: T; error?: string };
    if (status !== 'success') throw new Error(`${path} ${JSON.stringify(parameters)}: ${error}`);
    return data;
  }

  async query(query: string): Promise<Sample[]> {
    const { result } = await this.get<Vector>('query', { query });
    return result.map(({ metric, value }) => ({ labels: metric, value: number(value[1]) }));
  }

  /** What it asks, and whether it is answered. */
  async targets(): Promise<Target[]> {
    const { activeTargets } = await this.get<Targets>('targets', { state: 'active' });
    const targets = activeTargets.map(({ labels, health }) => ({ instance: labels['instance'] ?? '', health }));
    // They come in no order that one could rely on.
    return targets.sort((a, b) => a.instance.localeCompare(b.instance));
  }

  async rules(): Promise<Rule[]> {
    const { groups } = await this.get<Groups>('rules');
    return groups.flatMap(({ rules }) => rules);
  }
}
