/** What runs together: a node, and the collector that passes on its metrics. Neither is root, and neither can write to its image. */
import { Duration, RemovalPolicy, Size } from 'aws-cdk-lib';
import type { IRepository } from 'aws-cdk-lib/aws-ecr';
import {
  AwsLogDriverMode,
  ContainerImage,
  CpuArchitecture,
  FargateTaskDefinition,
  LogDriver,
  OperatingSystemFamily,
  UlimitName,
  type Secret,
} from 'aws-cdk-lib/aws-ecs';
import { LogGroup } from 'aws-cdk-lib/aws-logs';
import { Construct } from 'constructs';
import type { DurableTable } from './durable-table.js';
import { explain } from './explain.js';
import { ALIVE, COLLECTOR, USER } from './image.js';
import { ADMIN, CLIENTS } from './ports.js';
import type { Stage } from './stages.js';
import { STOP } from './times.js';
import type { Watch } from './watch.js';

/** Open files of a node: a connection is one, or two when it is shared. */
const FILES = 65_535;

export interface NodeTaskProps {
  readonly stage: Stage;
  readonly images: IRepository;
  readonly version: string;
  readonly variables: Record<string, string>;
  readonly secrets: Record<string, Secret>;
  readonly table: DurableTable;
  readonly watch: Watch;
}

export class NodeTask extends Construct {
  readonly definition: FargateTaskDefinition;
  readonly #logs: LogGroup;

  constructor(scope: Construct, id: string, props: NodeTaskProps) {
    super(scope, id);
    const { cpu, memoryMiB } = props.stage.size.nodes;
    this.#logs = new LogGroup(this, 'Logs', { retention: props.stage.logDays, removalPolicy: RemovalPolicy.DESTROY });
    this.definition = new FargateTaskDefinition(this, 'Definition', {
      cpu,
      memoryLimitMiB: memoryMiB,
      runtimePlatform: { cpuArchitecture: CpuArchitecture.ARM64, operatingSystemFamily: OperatingSystemFamily.LINUX },
    });
    this.addNode(props);
    this.addCollector(props.watch);
    props.table.grant(this.definition.taskRole);
    props.watch.grant(this.definition.taskRole);
    explain(this.definition, 'ECS2', 'Variables are settings that anybody may see; what is secret comes from Secrets Manager.');
    explain(this.definition, 'IAM5', 'A token for the registry is of an account and not of a repository: there is no narrower resource.', [
      'Resource::*',
    ]);
  }

  private addNode({ images, version, variables, secrets }: NodeTaskProps): void {
    const container = this.definition.addContainer('node', {
      image: ContainerImage.fromEcrRepository(images, version),
      user: USER,
      readonlyRootFilesystem: true,
      stopTimeout: Duration.seconds(STOP),
      healthCheck: {
        command: ALIVE,
        interval: Duration.seconds(15),
        timeout: Duration.seconds(5),
        retries: 3,
        startPeriod: Duration.seconds(30),
      },
      portMappings: [{ containerPort: CLIENTS }, { containerPort: ADMIN }],
      environment: variables,
      secrets,
      logging: this.logging('node'),
    });
    container.addUlimits({ name: UlimitName.NOFILE, softLimit: FILES, hardLimit: FILES });
  }

  private addCollector(watch: Watch): void {
    this.definition.addContainer('collector', {
      image: ContainerImage.fromRegistry(COLLECTOR),
      // A node goes on without its metrics; an alarm says that they are missing.
      essential: false,
      readonlyRootFilesystem: true,
      memoryLimitMiB: 256,
      environment: { AOT_CONFIG_CONTENT: watch.config() },
      logging: this.logging('collector'),
    });
  }

  /** Lines that CloudWatch is too slow for are dropped: a node must never wait for its log. */
  private logging(streamPrefix: string): LogDriver {
    return LogDriver.awsLogs({ logGroup: this.#logs, streamPrefix, mode: AwsLogDriverMode.NON_BLOCKING, maxBufferSize: Size.mebibytes(10) });
  }
}
