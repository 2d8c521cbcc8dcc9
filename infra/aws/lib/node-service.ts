/** The nodes: how many run, how they are replaced, and when there are more. */
import { Duration } from 'aws-cdk-lib';
import { Cluster, FargateService, PropagatedTagSource } from 'aws-cdk-lib/aws-ecs';
import { Construct } from 'constructs';
import type { Balancer } from './balancer.js';
import { explain } from './explain.js';
import type { Firewall } from './firewall.js';
import type { Network } from './network.js';
import { NodeMetrics } from './node-metrics.js';
import type { NodeTask } from './node-task.js';
import { CLIENTS } from './ports.js';
import type { Stage } from './stages.js';

/** Of a node's processor, in percent. Above some 90 queues begin (RESULTS.md), and a new node takes minutes to come. */
const BUSY = 60;

export interface NodeServiceProps {
  readonly stage: Stage;
  readonly network: Network;
  readonly firewall: Firewall;
  readonly balancer: Balancer;
  readonly task: NodeTask;
}

export class NodeService extends Construct {
  readonly service: FargateService;

  constructor(scope: Construct, id: string, { stage, network, firewall, balancer, task }: NodeServiceProps) {
    super(scope, id);
    const cluster = new Cluster(this, 'Cluster', { vpc: network.vpc });
    explain(cluster, 'ECS4', 'Nodes tell more of themselves than Container Insights would, and CloudWatch has their processor and memory anyway.');
    this.service = new FargateService(this, 'Service', {
      cluster,
      taskDefinition: task.definition,
      vpcSubnets: network.nodes,
      securityGroups: [firewall.nodes],
      assignPublicIp: false,
      // New ones first: at no moment are there fewer nodes than there should be.
      minHealthyPercent: 100,
      maxHealthyPercent: 200,
      circuitBreaker: { rollback: true },
      healthCheckGracePeriod: Duration.seconds(60),
      enableExecuteCommand: false,
      enableECSManagedTags: true,
      propagateTags: PropagatedTagSource.SERVICE,
    });
    balancer.targets.addTarget(this.service.loadBalancerTarget({ containerName: 'node', containerPort: CLIENTS }));
    this.scale(stage);
  }

  /** More nodes come soon and go late: each that goes sends its clients to others. */
  private scale(stage: Stage): void {
    const { least, most, connections } = stage.size.nodes;
    const cooldowns = { scaleOutCooldown: Duration.minutes(1), scaleInCooldown: Duration.minutes(15) };
    const count = this.service.autoScaleTaskCount({ minCapacity: least, maxCapacity: most });
    count.scaleOnCpuUtilization('Busy', { targetUtilizationPercent: BUSY, ...cooldowns });
    count.scaleToTrackCustomMetric('Connections', {
      metric: new NodeMetrics(stage.name).of('collab_connections', 'Average'),
      targetValue: connections,
      ...cooldowns,
    });
  }
}
