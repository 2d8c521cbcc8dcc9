/** The dashboard: what an operator looks at first, from clients down to the stores. */
import { Dashboard, GraphWidget, TextWidget, type IMetric } from 'aws-cdk-lib/aws-cloudwatch';
import type { ITable } from 'aws-cdk-lib/aws-dynamodb';
import { Construct } from 'constructs';
import type { Balancer } from './balancer.js';
import { hitRatio, unsaved } from './node-alarms.js';
import type { NodeMetrics } from './node-metrics.js';
import type { NodeService } from './node-service.js';
import { worst } from './redis-alarms.js';
import type { Stage } from './stages.js';

export interface BoardProps {
  readonly stage: Stage;
  readonly balancer: Balancer;
  readonly nodes: NodeService;
  readonly servers: readonly string[];
  readonly table: ITable;
  readonly metrics: NodeMetrics;
}

export class Board extends Construct {
  constructor(scope: Construct, id: string, props: BoardProps) {
    super(scope, id);
    const board = new Dashboard(this, 'Dashboard', { dashboardName: `collabcanvas-${props.stage.name}` });
    board.addWidgets(new TextWidget({ markdown: `# CollabCanvas ${props.stage.name}`, width: 24, height: 1 }));
    board.addWidgets(...this.clients(props));
    board.addWidgets(...this.saving(props));
    board.addWidgets(...this.redis(props));
  }

  private clients({ metrics, balancer, nodes }: BoardProps): GraphWidget[] {
    return [
      graph('People', [metrics.of('collab_sessions', 'Sum'), metrics.of('collab_connections', 'Sum')]),
      graph('Nodes', [balancer.targets.metrics.healthyHostCount(), balancer.targets.metrics.unhealthyHostCount()]),
      graph('Processor and memory of nodes, %', [nodes.service.metricCpuUtilization(), nodes.service.metricMemoryUtilization()]),
      graph('Joins without a durable read, %', [hitRatio(metrics)]),
    ];
  }

  private saving({ metrics, table }: BoardProps): GraphWidget[] {
    return [
      graph('Oldest unsaved, s', [metrics.of('collab_oldest_unsaved_seconds', 'Maximum')]),
      graph('Commits, by the nodes that heard of them, and saved', [
        metrics.of('collab_commits_total', 'Sum'),
        metrics.of('collab_saved_commits_total', 'Sum'),
        unsaved(metrics),
      ]),
      graph('Saves that failed', [metrics.of('collab_save_failures_total', 'Sum'), metrics.of('collab_durable_errors_total', 'Sum')]),
      graph('Units of DynamoDB', [table.metricConsumedWriteCapacityUnits(), table.metricConsumedReadCapacityUnits()]),
    ];
  }

  private redis({ metrics, servers }: BoardProps): GraphWidget[] {
    return [
      graph('Memory of Redis, %', [worst(servers, 'DatabaseMemoryUsagePercentage', 'Maximum')]),
      graph('Processor of Redis, %', [worst(servers, 'EngineCPUUtilization', 'Maximum')]),
      graph('Scripts, µs', [worst(servers, 'EvalBasedCmdsLatency', 'Average')]),
      graph('Trouble with Redis', [
        metrics.of('collab_redis_errors_total', 'Sum'),
        metrics.of('collab_heals_total', 'Sum'),
        worst(servers, 'Evictions', 'Sum'),
      ]),
    ];
  }
}

function graph(title: string, left: IMetric[]): GraphWidget {
  return new GraphWidget({ title, left, width: 6, height: 6 });
}
