/** The hot store: Valkey on ElastiCache, encrypted, in two zones, never evicting, with one user who may do what nodes do. */
import { CfnParameterGroup, CfnReplicationGroup, CfnSubnetGroup, CfnUser, CfnUserGroup } from 'aws-cdk-lib/aws-elasticache';
import type { Secret } from 'aws-cdk-lib/aws-secretsmanager';
import { Construct } from 'constructs';
import { explain } from './explain.js';
import type { Firewall } from './firewall.js';
import { composed, generated } from './generated-secret.js';
import type { Network } from './network.js';
import { REDIS } from './ports.js';
import { NOBODY, rights } from './redis-rights.js';
import type { Stage } from './stages.js';

const ENGINE = 'valkey';
const USER = 'collabcanvas';

export interface HotStoreProps {
  readonly stage: Stage;
  readonly network: Network;
  readonly firewall: Firewall;
}

export class HotStore extends Construct {
  /** `COLLAB_REDIS_URL`, with the password. */
  readonly url: Secret;
  /** What CloudWatch calls each server. */
  readonly servers: readonly string[];

  constructor(scope: Construct, id: string, { stage, network, firewall }: HotStoreProps) {
    super(scope, id);
    const { shards, replicas, nodeType } = stage.size.redis;
    const clustered = shards > 1;
    const password = generated(this, 'Password', 'CollabCanvas: the password of nodes in Redis');
    const group = new CfnReplicationGroup(this, `Servers${String(stage.redisGeneration)}`, {
      replicationGroupDescription: `CollabCanvas ${stage.name}: what is not saved yet, events and presence`,
      engine: ENGINE,
      engineVersion: '8.1',
      cacheNodeType: nodeType,
      numNodeGroups: shards,
      replicasPerNodeGroup: replicas,
      automaticFailoverEnabled: true,
      multiAzEnabled: true,
      port: REDIS,
      transitEncryptionEnabled: true,
      transitEncryptionMode: 'required',
      atRestEncryptionEnabled: true,
      userGroupIds: [this.users(stage, clustered, password)],
      cacheParameterGroupName: this.parameters(stage, clustered),
      cacheSubnetGroupName: new CfnSubnetGroup(this, 'Subnets', {
        description: 'CollabCanvas: without a route to anywhere else',
        subnetIds: network.vpc.selectSubnets(network.stores).subnetIds,
      }).ref,
      securityGroupIds: [firewall.redis.securityGroupId],
      // A copy of yesterday is of no use: what is saved is in the table, and what is not was made in the last half second.
      snapshotRetentionLimit: 0,
      autoMinorVersionUpgrade: true,
    });
    explain(group, 'AEC6', 'Its users have passwords and rights of their own, which say more than one token for everybody.');

    const host = clustered ? group.attrConfigurationEndPointAddress : group.attrPrimaryEndPointAddress;
    const scheme = clustered ? 'rediss+cluster' : 'rediss';
    const url = (secret: string): string => `${scheme}://${USER}:${secret}@${host}:${String(REDIS)}`;
    this.url = composed(this, 'Url', 'CollabCanvas: COLLAB_REDIS_URL', url, password);
    this.servers = serverNames(group.ref, shards, replicas);
  }

  private users(stage: Stage, clustered: boolean, password: Secret): string {
    const nodes = new CfnUser(this, 'Nodes', {
      engine: ENGINE,
      userId: `${USER}-${stage.name}`,
      userName: USER,
      accessString: rights(clustered),
      authenticationMode: { Type: 'password', Passwords: [password.secretValue.unsafeUnwrap()] },
    });
    // Who comes without a name is called so. Even this user, who may do nothing, has a password, because Valkey's groups take no other.
    const nobody = new CfnUser(this, 'Nobody', {
      engine: ENGINE,
      userId: `${USER}-${stage.name}-nobody`,
      userName: 'default',
      accessString: NOBODY,
      authenticationMode: {
        Type: 'password',
        Passwords: [generated(this, 'NobodysPassword', 'CollabCanvas: the password of a user who may do nothing').secretValue.unsafeUnwrap()],
      },
    });
    return new CfnUserGroup(this, 'Users', { engine: ENGINE, userGroupId: `${USER}-${stage.name}`, userIds: [nodes.ref, nobody.ref] }).ref;
  }

  /** A group of servers has its own: whether it is a Cluster cannot be changed while one uses them. */
  private parameters(stage: Stage, clustered: boolean): string {
    return new CfnParameterGroup(this, `Parameters${String(stage.redisGeneration)}`, {
      cacheParameterGroupFamily: 'valkey8',
      description: 'CollabCanvas: what is not saved yet is never evicted',
      properties: { 'maxmemory-policy': 'noeviction', 'cluster-enabled': clustered ? 'yes' : 'no' },
    }).ref;
  }
}

/** As ElastiCache names them: `group-001`, or `group-0001-001` in a Cluster. */
function serverNames(group: string, shards: number, replicas: number): string[] {
  const numbers = (count: number, digits: number): string[] =>
    Array.from({ length: count }, (_, n) => String(n + 1).padStart(digits, '0'));
  const members = numbers(replicas + 1, 3);
  if (shards === 1) return members.map((member) => `${group}-${member}`);
  return numbers(shards, 4).flatMap((shard) => members.map((member) => `${group}-${shard}-${member}`));
}
