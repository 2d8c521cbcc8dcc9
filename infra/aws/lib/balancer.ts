/** The load balancer: ends TLS, passes WebSockets on to whichever node has the fewest, and asks nodes whether they are ready. */
import { Duration, RemovalPolicy } from 'aws-cdk-lib';
import {
  ApplicationLoadBalancer,
  ApplicationProtocol,
  ApplicationTargetGroup,
  ListenerCertificate,
  SslPolicy,
  TargetGroupLoadBalancingAlgorithmType,
  TargetType,
  type CfnListener,
} from 'aws-cdk-lib/aws-elasticloadbalancingv2';
import { BlockPublicAccess, Bucket, BucketEncryption } from 'aws-cdk-lib/aws-s3';
import { Construct } from 'constructs';
import { explain } from './explain.js';
import type { Firewall } from './firewall.js';
import type { Network } from './network.js';
import { ADMIN, CLIENTS, HTTPS } from './ports.js';
import type { Stage } from './stages.js';
import { BALANCER_IDLE, DEREGISTRATION, READY } from './times.js';

export interface BalancerProps {
  readonly stage: Stage;
  readonly network: Network;
  readonly firewall: Firewall;
  readonly certificateArn: string;
}

export class Balancer extends Construct {
  readonly loadBalancer: ApplicationLoadBalancer;
  /** Nodes. */
  readonly targets: ApplicationTargetGroup;

  constructor(scope: Construct, id: string, { stage, network, firewall, certificateArn }: BalancerProps) {
    super(scope, id);
    this.loadBalancer = new ApplicationLoadBalancer(this, 'LoadBalancer', {
      vpc: network.vpc,
      vpcSubnets: network.edge,
      securityGroup: firewall.balancer,
      internetFacing: true,
      idleTimeout: Duration.seconds(BALANCER_IDLE),
      dropInvalidHeaderFields: true,
      // Nodes compare it with the origin of a page.
      preserveHostHeader: true,
      deletionProtection: stage.keeps,
    });
    this.loadBalancer.logAccessLogs(this.logs(stage));
    this.targets = new ApplicationTargetGroup(this, 'Nodes', {
      vpc: network.vpc,
      targetType: TargetType.IP,
      protocol: ApplicationProtocol.HTTP,
      port: CLIENTS,
      deregistrationDelay: Duration.seconds(DEREGISTRATION),
      // Connections last for hours: taking turns would leave a new node with few for as long.
      loadBalancingAlgorithmType: TargetGroupLoadBalancingAlgorithmType.LEAST_OUTSTANDING_REQUESTS,
      healthCheck: this.ready(),
    });
    const listener = this.loadBalancer.addListener('Https', {
      port: HTTPS,
      protocol: ApplicationProtocol.HTTPS,
      sslPolicy: SslPolicy.RECOMMENDED_TLS,
      certificates: [ListenerCertificate.fromArn(certificateArn)],
      defaultTargetGroups: [this.targets],
      open: false,
    });
    (listener.node.defaultChild as CfnListener).listenerAttributes = [
      { key: 'routing.http.response.strict_transport_security.header_value', value: 'max-age=31536000' },
    ];
  }

  /**
   * ECS replaces nodes that stay unready, and none can start without the durable store: so it takes two and a half minutes, longer than an outage that
   * nodes sit out by themselves should last. A node that stops is taken out at once anyway.
   */
  private ready() {
    return {
      path: '/readyz',
      port: String(ADMIN),
      healthyHttpCodes: '200',
      interval: Duration.seconds(READY.interval),
      timeout: Duration.seconds(READY.timeout),
      healthyThresholdCount: READY.healthy,
      unhealthyThresholdCount: READY.unhealthy,
    };
  }

  private logs(stage: Stage): Bucket {
    const bucket = new Bucket(this, 'Logs', {
      blockPublicAccess: BlockPublicAccess.BLOCK_ALL,
      // The balancer writes with no other.
      encryption: BucketEncryption.S3_MANAGED,
      enforceSSL: true,
      lifecycleRules: [{ expiration: Duration.days(stage.logDays) }],
      removalPolicy: RemovalPolicy.RETAIN,
    });
    explain(bucket, 'S1', 'This bucket holds the logs of the balancer; logs of who reads them would need a bucket of their own without end.');
    return bucket;
  }
}
