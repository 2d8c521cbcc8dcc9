/** Alarms of what nodes say themselves: about saving, about Redis and about each other. */
import { Duration } from 'aws-cdk-lib';
import { MathExpression } from 'aws-cdk-lib/aws-cloudwatch';
import type { ITopic } from 'aws-cdk-lib/aws-sns';
import { Construct } from 'constructs';
import { alarm } from './alarm.js';
import type { NodeMetrics } from './node-metrics.js';

/** Fewer joins than that in a quarter of an hour say nothing about a ratio. */
const JOINS = 20;

/** Percent of joins for which nobody waited for the durable store. */
export function hitRatio(metrics: NodeMetrics): MathExpression {
  const period = Duration.minutes(15);
  return new MathExpression({
    expression: `IF(joins > ${String(JOINS)}, 100 * (1 - reads / joins), 100)`,
    usingMetrics: {
      joins: metrics.of('collab_sessions_opened_total', 'Sum', period),
      reads: metrics.of('collab_joins_durable_reads_total', 'Sum', period),
    },
    label: 'joins without a durable read, %',
    period,
  });
}

/** Commits of minutes in which not one was saved. */
export function unsaved(metrics: NodeMetrics): MathExpression {
  const period = Duration.minutes(1);
  return new MathExpression({
    expression: 'IF(FILL(saved, 0) > 0, 0, FILL(commits, 0))',
    usingMetrics: {
      commits: metrics.of('collab_commits_total', 'Sum', period),
      saved: metrics.of('collab_saved_commits_total', 'Sum', period),
    },
    label: 'accepted while nothing was saved',
    period,
  });
}

export class NodeAlarms extends Construct {
  constructor(scope: Construct, id: string, metrics: NodeMetrics, topic: ITopic) {
    super(scope, id);
    this.ofSaving(metrics, topic);
    this.ofRedis(metrics, topic);
  }

  private ofSaving(metrics: NodeMetrics, topic: ITopic): void {
    alarm(this, 'AutosaveAge', topic, {
      metric: metrics.of('collab_oldest_unsaved_seconds', 'Maximum'),
      above: 5,
      periods: 5,
      ringsWhenSilent: true,
      says: 'Something has not been saved for 5 s, or no node tells anything. Look at collab_durable_errors_total, at the table, and whether the collectors run; nodes go on and keep what is not saved.',
    });
    alarm(this, 'UnsavedOps', topic, {
      metric: unsaved(metrics),
      above: 0,
      periods: 3,
      says: 'Changes are accepted and none is saved. Look at collab_save_failures_total and at the table: projects refuse changes when too much is unsaved.',
    });
    alarm(this, 'DurableErrors', topic, {
      metric: metrics.of('collab_durable_errors_total', 'Sum', Duration.minutes(5)),
      above: 50,
      periods: 2,
      says: 'DynamoDB refuses requests of nodes, or does not answer. Look at the classes of collab_durable_errors_total: throttled, unknown, missing, denied, refused.',
    });
    alarm(this, 'Damaged', topic, {
      metric: metrics.of('collab_damaged_projects', 'Maximum'),
      above: 0,
      periods: 1,
      says: 'What is stored of a project is damaged, and it cannot be saved. The log names it; look at it with collabcanvas inspect and verify.',
    });
    alarm(this, 'GivenUp', topic, {
      metric: metrics.of('collab_held_given_up_total', 'Sum'),
      above: 0,
      periods: 1,
      says: 'Changes that were accepted are lost: their predecessor and their author are gone. The log says of which project.',
    });
    alarm(this, 'HitRatio', topic, {
      metric: hitRatio(metrics),
      below: 90,
      periods: 1,
      says: 'More than a tenth of those who join wait for DynamoDB. A longer COLLAB_HOT_EXPIRY_SECONDS keeps projects in Redis, if it has the memory.',
    });
  }

  private ofRedis(metrics: NodeMetrics, topic: ITopic): void {
    alarm(this, 'RedisConnections', topic, {
      metric: metrics.of('collab_redis_errors_total', 'Sum'),
      above: 5,
      periods: 3,
      says: 'Nodes fail to reach Redis or are refused. A failover takes about half a minute; beyond that look at the classes of collab_redis_errors_total and at the replication group.',
    });
    alarm(this, 'Isolated', topic, {
      metric: metrics.of('collab_node_isolated', 'Maximum'),
      above: 0,
      periods: 2,
      says: 'A node alone does not reach Redis, and sends its clients to others. Stop its task; ECS starts another.',
    });
    alarm(this, 'Heals', topic, {
      metric: metrics.of('collab_heals_total', 'Sum', Duration.minutes(5)),
      above: 0,
      periods: 1,
      says: 'Redis lost something, and nodes have put it back. After a failover that is as it should be; without one find out what Redis lost.',
    });
  }
}
