/** The network: three layers, of which only the first can be reached from outside, and the last reaches nothing outside. */
import { RemovalPolicy } from 'aws-cdk-lib';
import {
  FlowLogDestination,
  FlowLogTrafficType,
  GatewayVpcEndpointAwsService,
  IpAddresses,
  SubnetType,
  Vpc,
  type SubnetSelection,
} from 'aws-cdk-lib/aws-ec2';
import { LogGroup } from 'aws-cdk-lib/aws-logs';
import { Construct } from 'constructs';
import type { Stage } from './stages.js';

export class Network extends Construct {
  readonly vpc: Vpc;
  /** For the load balancer alone. */
  readonly edge: SubnetSelection = { subnetGroupName: 'edge' };
  /** Nodes: they call AWS and the issuer of tokens, and nobody calls them but the balancer. */
  readonly nodes: SubnetSelection = { subnetGroupName: 'nodes' };
  /** Redis: there is no route from here to anywhere else. */
  readonly stores: SubnetSelection = { subnetGroupName: 'stores' };

  constructor(scope: Construct, id: string, stage: Stage) {
    super(scope, id);
    this.vpc = new Vpc(this, 'Vpc', {
      ipAddresses: IpAddresses.cidr(stage.cidr),
      maxAzs: stage.size.zones,
      natGateways: stage.size.natGateways,
      subnetConfiguration: [
        { name: 'edge', subnetType: SubnetType.PUBLIC, cidrMask: 24, mapPublicIpOnLaunch: false },
        { name: 'nodes', subnetType: SubnetType.PRIVATE_WITH_EGRESS, cidrMask: 22 },
        { name: 'stores', subnetType: SubnetType.PRIVATE_ISOLATED, cidrMask: 24 },
      ],
      // What goes to DynamoDB, and the layers of images, need no way over the internet, and cost nothing here.
      gatewayEndpoints: {
        DynamoDb: { service: GatewayVpcEndpointAwsService.DYNAMODB, subnets: [this.nodes] },
        S3: { service: GatewayVpcEndpointAwsService.S3, subnets: [this.nodes] },
      },
    });
    const refused = new LogGroup(this, 'Refused', { retention: stage.logDays, removalPolicy: RemovalPolicy.DESTROY });
    this.vpc.addFlowLog('Refused', {
      destination: FlowLogDestination.toCloudWatchLogs(refused),
      trafficType: FlowLogTrafficType.REJECT,
    });
  }

  /** The networks that the balancer comes from. */
  balancerNetworks(): string[] {
    return this.vpc.selectSubnets(this.edge).subnets.map((subnet) => subnet.ipv4CidrBlock);
  }
}
