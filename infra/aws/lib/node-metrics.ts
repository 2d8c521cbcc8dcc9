/**
 * The metrics of nodes that alarms, the dashboard and autoscaling look at. Only these go to CloudWatch, which bills each by itself; managed Prometheus gets all
 * that a node has. A test holds that each is one that the program exports.
 */
import { Duration } from 'aws-cdk-lib';
import { Metric } from 'aws-cdk-lib/aws-cloudwatch';

export const NAMESPACE = 'CollabCanvas';

/** The one dimension: the name of the stage. Nodes are not told apart, so that the bill does not grow with them. */
export const DIMENSION = 'deployment';

export const NAMES = [
  'collab_commits_total',
  'collab_connections',
  'collab_damaged_projects',
  'collab_durable_errors_total',
  'collab_heals_total',
  'collab_held_given_up_total',
  'collab_joins_durable_reads_total',
  'collab_node_isolated',
  'collab_oldest_unsaved_seconds',
  'collab_redis_errors_total',
  'collab_save_failures_total',
  'collab_saved_commits_total',
  'collab_sessions',
  'collab_sessions_opened_total',
] as const;

export type Name = (typeof NAMES)[number];

export class NodeMetrics {
  readonly #stage: string;

  constructor(stage: string) {
    this.#stage = stage;
  }

  /** @param statistic of all nodes' values, or of what their counters rose by, within the period */
  of(name: Name, statistic: 'Average' | 'Maximum' | 'Sum', period = Duration.minutes(1)): Metric {
    return new Metric({
      namespace: NAMESPACE,
      metricName: name,
      dimensionsMap: { [DIMENSION]: this.#stage },
      statistic,
      period,
    });
  }
}
