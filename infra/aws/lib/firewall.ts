/** Who may speak to whom: clients to the balancer, the balancer to nodes, nodes to Redis, AWS and the issuer of tokens; nothing else. */
import { Peer, Port, SecurityGroup, type IVpc } from 'aws-cdk-lib/aws-ec2';
import { Construct } from 'constructs';
import { explain } from './explain.js';
import { ADMIN, CLIENTS, HTTPS, REDIS } from './ports.js';

export class Firewall extends Construct {
  readonly balancer: SecurityGroup;
  readonly nodes: SecurityGroup;
  readonly redis: SecurityGroup;

  constructor(scope: Construct, id: string, vpc: IVpc) {
    super(scope, id);
    const group = (name: string, description: string): SecurityGroup =>
      new SecurityGroup(this, name, { vpc, description, allowAllOutbound: false });
    this.balancer = group('Balancer', 'CollabCanvas: the load balancer');
    this.nodes = group('Nodes', 'CollabCanvas: nodes');
    this.redis = group('Redis', 'CollabCanvas: Redis');

    this.balancer.addIngressRule(Peer.anyIpv4(), Port.tcp(HTTPS), 'Clients');
    explain(this.balancer, 'EC23', 'Clients come from everywhere; this is the one thing that they reach, and only over TLS.');
    this.pass(this.balancer, this.nodes, CLIENTS, 'Clients, by way of the balancer');
    this.pass(this.balancer, this.nodes, ADMIN, 'The question whether a node is ready');
    this.pass(this.nodes, this.redis, REDIS, 'The hot store');
    this.nodes.addEgressRule(Peer.anyIpv4(), Port.tcp(HTTPS), 'AWS, and the issuer of tokens');
  }

  /** Both ends, since a group lets nothing out by itself. */
  private pass(from: SecurityGroup, to: SecurityGroup, port: number, why: string): void {
    to.addIngressRule(from, Port.tcp(port), why);
    from.addEgressRule(to, Port.tcp(port), why);
  }
}
