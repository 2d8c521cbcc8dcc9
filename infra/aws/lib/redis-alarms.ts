/** Alarms of the hot store: of the worst of its servers. */
import { Duration } from 'aws-cdk-lib';
import { MathExpression, Metric, type IMetric } from 'aws-cdk-lib/aws-cloudwatch';
import type { ITopic } from 'aws-cdk-lib/aws-sns';
import { Construct } from 'constructs';
import { alarm } from './alarm.js';

type RedisMetric = 'DatabaseMemoryUsagePercentage' | 'EvalBasedCmdsLatency' | 'Evictions' | 'AuthenticationFailures' | 'EngineCPUUtilization';

/** What the worst of the servers has. An alarm may look at ten figures: five shards with a replica each. */
export function worst(servers: readonly string[], metricName: RedisMetric, statistic: 'Average' | 'Maximum' | 'Sum'): IMetric {
  const period = Duration.minutes(1);
  const each = servers.map((server, n) => {
    const dimensionsMap = { CacheClusterId: server };
    return [`m${String(n + 1)}`, new Metric({ namespace: 'AWS/ElastiCache', metricName, dimensionsMap, statistic, period })] as const;
  });
  return new MathExpression({
    expression: `MAX([${each.map(([name]) => name).join(', ')}])`,
    usingMetrics: Object.fromEntries(each),
    label: metricName,
    period,
  });
}

export class RedisAlarms extends Construct {
  constructor(scope: Construct, id: string, servers: readonly string[], topic: ITopic) {
    super(scope, id);
    alarm(this, 'Memory', topic, {
      metric: worst(servers, 'DatabaseMemoryUsagePercentage', 'Maximum'),
      above: 80,
      periods: 5,
      says: 'Redis has filled more than 80 % of its memory; when it is full nodes refuse what is new. Take a larger node type or more shards in sizes.ts, or a shorter COLLAB_HOT_EXPIRY_SECONDS.',
    });
    alarm(this, 'Latency', topic, {
      metric: worst(servers, 'EvalBasedCmdsLatency', 'Average'),
      // Microseconds.
      above: 10_000,
      periods: 3,
      says: 'Scripts, such as the commit of each batch, take Redis longer than 10 ms. Look at EngineCPUUtilization and at who sends much (collab_limits_hit_total); take a larger node type or more shards.',
    });
    alarm(this, 'Evictions', topic, {
      metric: worst(servers, 'Evictions', 'Sum'),
      above: 0,
      periods: 1,
      says: 'Redis has removed keys, which it must never do: what is not saved yet may be among them. See that its parameter group still has maxmemory-policy noeviction; nodes heal what is missing.',
    });
    alarm(this, 'Logins', topic, {
      metric: worst(servers, 'AuthenticationFailures', 'Sum'),
      above: 0,
      periods: 1,
      says: 'Somebody has tried a wrong password in Redis. After a new password nodes must be deployed; if there was none, find out who reached it.',
    });
  }
}
