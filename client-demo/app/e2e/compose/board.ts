import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';

const FILE = resolve(import.meta.dirname, '../../../../infra/observability/grafana/dashboards/collabcanvas.json');

/** What Grafana would put in the place of its variables; longer names first. */
const VARIABLES = [['$__rate_interval', '2m'], ['$__range', '1h'], ['$instance', '.*']] as const;

interface Query {
  readonly expr: string;
}

interface Panel {
  readonly title: string;
  readonly targets?: readonly Query[];
  /** Those in a folded row. */
  readonly panels?: readonly Panel[];
}

interface Board {
  readonly panels: readonly Panel[];
  readonly annotations: { readonly list: readonly Query[] };
}

const read = (): Board => JSON.parse(readFileSync(FILE, 'utf8')) as Board;
const filled = ({ expr }: Query): string => VARIABLES.reduce((query, [name, value]) => query.replaceAll(name, value), expr);

/** What the panels of Grafana's board ask, as Prometheus gets it. */
export function questions(): { readonly panel: string; readonly query: string }[] {
  const all = read().panels.flatMap((panel) => [panel, ...(panel.panels ?? [])]);
  return all.flatMap(({ title, targets = [] }) => targets.map((query) => ({ panel: title, query: filled(query) })));
}

/** What its marks ask: when something happened, so that there is no answer before. */
export const marks = (): string[] => read().annotations.list.map(filled);
