/** Where metrics go: a workspace of managed Prometheus for all of them, and a log group that CloudWatch makes metrics of. */
import { RemovalPolicy, Stack } from 'aws-cdk-lib';
import { CfnWorkspace } from 'aws-cdk-lib/aws-aps';
import { PolicyStatement, type IGrantable } from 'aws-cdk-lib/aws-iam';
import { LogGroup } from 'aws-cdk-lib/aws-logs';
import { Construct } from 'constructs';
import { collectorConfig } from './collector-config.js';
import type { Stage } from './stages.js';

export class Watch extends Construct {
  readonly workspace: CfnWorkspace;
  readonly #metrics: LogGroup;
  readonly #stage: Stage;

  constructor(scope: Construct, id: string, stage: Stage) {
    super(scope, id);
    this.#stage = stage;
    this.workspace = new CfnWorkspace(this, 'Prometheus', { alias: `collabcanvas-${stage.name}` });
    // Metrics are made as lines arrive; the lines are of no use afterwards.
    this.#metrics = new LogGroup(this, 'Metrics', { retention: 1, removalPolicy: RemovalPolicy.DESTROY });
  }

  /** What a collector is told. */
  config(): string {
    return Stack.of(this).toJsonString(
      collectorConfig({
        stage: this.#stage.name,
        region: this.#stage.region,
        logGroup: this.#metrics.logGroupName,
        remoteWrite: `${this.workspace.attrPrometheusEndpoint}api/v1/remote_write`,
      }),
    );
  }

  /** Lets a collector write, and nothing else. */
  grant(to: IGrantable): void {
    this.#metrics.grantWrite(to);
    const write = new PolicyStatement({ actions: ['aps:RemoteWrite'], resources: [this.workspace.attrArn] });
    to.grantPrincipal.addToPrincipalPolicy(write);
  }
}
