/** The composition root: every part is made and connected here, and nowhere else. */
import { CfnOutput, Fn, Stack, Tags, type StackProps } from 'aws-cdk-lib';
import { Repository } from 'aws-cdk-lib/aws-ecr';
import type { Construct } from 'constructs';
import { AlarmTopic } from './alarm-topic.js';
import { Balancer } from './balancer.js';
import { Board } from './board.js';
import { DurableTable } from './durable-table.js';
import { EdgeAlarms } from './edge-alarms.js';
import { Firewall } from './firewall.js';
import { HotStore } from './hot-store.js';
import { Network } from './network.js';
import { NodeAlarms } from './node-alarms.js';
import { NodeMetrics } from './node-metrics.js';
import { NodeSecrets } from './node-secrets.js';
import { NodeService } from './node-service.js';
import { NodeTask } from './node-task.js';
import { variables } from './node-variables.js';
import { RedisAlarms } from './redis-alarms.js';
import { REPOSITORY } from './registry-stack.js';
import { Settings } from './settings.js';
import type { Stage } from './stages.js';
import { Watch } from './watch.js';

export interface CollabCanvasStackProps extends StackProps {
  readonly stage: Stage;
}

export class CollabCanvasStack extends Stack {
  readonly #stage: Stage;

  constructor(scope: Construct, id: string, { stage, ...props }: CollabCanvasStackProps) {
    super(scope, id, {
      description: `CollabCanvas ${stage.name}`,
      env: { region: stage.region },
      terminationProtection: stage.keeps,
      ...props,
    });
    this.#stage = stage;
    Tags.of(this).add('deployment', `collabcanvas-${stage.name}`);

    const settings = new Settings(this, 'Settings');
    const network = new Network(this, 'Network', stage);
    const firewall = new Firewall(this, 'Firewall', network.vpc);
    const table = new DurableTable(this, 'Durable', stage, settings.restoredTable);
    const hot = new HotStore(this, 'Hot', { stage, network, firewall });
    const watch = new Watch(this, 'Watch', stage);
    const secrets = new NodeSecrets(this, 'Secrets');
    const { certificateArn, allowedOrigins, audience, issuer } = settings;
    const balancer = new Balancer(this, 'Balancer', { stage, network, firewall, certificateArn });
    const task = new NodeTask(this, 'Task', {
      stage,
      images: Repository.fromRepositoryName(this, 'Images', REPOSITORY),
      version: settings.version,
      variables: variables({
        table: table.used,
        region: stage.region,
        balancerNetworks: network.balancerNetworks(),
        allowedOrigins,
        audience,
        issuer,
      }),
      secrets: secrets.variables(hot.url),
      table,
      watch,
    });
    const nodes = new NodeService(this, 'Nodes', { stage, network, firewall, balancer, task });

    const metrics = new NodeMetrics(stage.name);
    const { topic } = new AlarmTopic(this, 'Alarms', settings.alarmEmail);
    new NodeAlarms(this, 'NodeAlarms', metrics, topic);
    new RedisAlarms(this, 'RedisAlarms', hot.servers, topic);
    new EdgeAlarms(this, 'EdgeAlarms', balancer.loadBalancer, balancer.targets, stage.size.nodes.least, topic);
    new Board(this, 'Board', { stage, balancer, nodes, servers: hot.servers, table: table.table, metrics });
    this.outputs(balancer, table, secrets, watch);
  }

  /** As many as the size wants. Which they are in an account is known when the stack is deployed, and not when it is made. */
  override get availabilityZones(): string[] {
    const { zones } = this.#stage.size;
    return Array.from({ length: zones }, (_, n) => Fn.select(n, Fn.getAzs()));
  }

  private outputs(balancer: Balancer, table: DurableTable, secrets: NodeSecrets, watch: Watch): void {
    const output = (name: string, description: string, value: string): void => {
      new CfnOutput(this, name, { description, value });
    };
    output('Address', 'Point the public name here', balancer.loadBalancer.loadBalancerDnsName);
    output('TableName', 'The table of this stack', table.table.tableName);
    output('SigningSecret', 'What your back end signs tokens with', secrets.signing.secretArn);
    output('ApiKeySecret', 'The key of your back end', secrets.apiKeys.secretArn);
    output('Prometheus', 'The workspace of managed Prometheus', watch.workspace.ref);
  }
}
