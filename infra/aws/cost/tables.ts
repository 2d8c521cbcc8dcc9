/** The tables of the README, as Markdown: a test holds that they stand there. */
import { large, medium, small, type Size } from '../lib/sizes.js';
import { cost, type Cost } from './cost.js';
import { LOAD } from './load.js';
import { PRICES } from './prices.js';

const ROWS: readonly (readonly [number, string, Size])[] = [
  [100, 'small', small],
  [1_000, 'medium', medium],
  [10_000, 'large', large],
];

const PARTS: readonly (keyof Cost)[] = ['nodes', 'redis', 'durable', 'network', 'watching'];

const number = (value: number): string => value.toLocaleString('en-US');
const dollars = (value: number): string => `$${number(Math.round(value))}`;
const row = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;

function what({ nodes, redis }: Size): string {
  const memory = number(nodes.memoryMiB / 1_024);
  const servers = redis.shards * (redis.replicas + 1);
  return `${number(nodes.least)} nodes of ${number(nodes.cpu / 1_024)} vCPU and ${memory} GB, ${number(servers)} ${redis.nodeType}`;
}

export function costTable(): string {
  const head = row(['people at once', 'size', 'what runs', 'nodes', 'Redis', 'DynamoDB', 'network', 'watching', '**a month**', 'a person']);
  const rows = ROWS.map(([people, name, size]) => {
    const all = cost(people, size);
    const parts = PARTS.map((part) => dollars(all[part]));
    const each = `$${(all.total / people).toFixed(2)}`;
    return row([number(people), `\`${name}\``, what(size), ...parts, `**${dollars(all.total)}**`, each]);
  });
  return [head, '|---:|---|---|---:|---:|---:|---:|---:|---:|---:|', ...rows].join('\n');
}

export function priceTable(): string {
  const rows = Object.values(PRICES).map(({ dollars: price, per, page }) => row([`$${String(price)}`, per, page]));
  return [row(['price', 'for a', 'page of AWS']), '|---:|---|---|', ...rows].join('\n');
}

export function loadTable(): string {
  const rows = Object.values(LOAD).map(({ value, means, source }) => row([String(value), means, source]));
  return [row(['figure', 'what', 'from']), '|---:|---|---|', ...rows].join('\n');
}
