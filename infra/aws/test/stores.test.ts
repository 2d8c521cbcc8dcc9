import { describe, expect, it } from 'vitest';
import { rust } from './repository.js';
import { only, stacks } from './stack.js';

/** The value of a constant of the program. */
function constant(name: string): string | undefined {
  return new RegExp(`const ${name}: &str = "(\\w+)";`).exec(rust('src/durable/dynamodb'))?.[1];
}

describe('the durable table', () => {
  it('has the keys and the expiry that the program expects', () => {
    const table = only(stacks.prod().template, 'AWS::DynamoDB::Table');
    expect(table).toMatchObject({
      KeySchema: [
        { AttributeName: constant('PK'), KeyType: 'HASH' },
        { AttributeName: constant('SK'), KeyType: 'RANGE' },
      ],
      AttributeDefinitions: [
        { AttributeName: constant('PK'), AttributeType: 'S' },
        { AttributeName: constant('SK'), AttributeType: 'S' },
      ],
      TimeToLiveSpecification: { AttributeName: constant('EXPIRES'), Enabled: true },
    });
  });

  it('is billed on demand, encrypted with a key of the account, and can be brought back to any second', () => {
    expect(only(stacks.dev().template, 'AWS::DynamoDB::Table')).toMatchObject({
      BillingMode: 'PAY_PER_REQUEST',
      SSESpecification: { SSEEnabled: true },
      PointInTimeRecoverySpecification: { PointInTimeRecoveryEnabled: true },
    });
  });

  it('resists its removal in production, and only there', () => {
    const { template } = stacks.prod();
    template.hasResource('AWS::DynamoDB::Table', {
      DeletionPolicy: 'Retain',
      UpdateReplacePolicy: 'Retain',
      Properties: { DeletionProtectionEnabled: true },
    });
    expect(stacks.prod().stack.terminationProtection).toBe(true);
    stacks.dev().template.hasResource('AWS::DynamoDB::Table', { DeletionPolicy: 'Delete' });
    expect(stacks.dev().stack.terminationProtection).toBe(false);
  });

  it('can be replaced by a restored one', () => {
    const { template } = stacks.prod();
    template.hasParameter('RestoredTable', { Default: '' });
    template.hasCondition('UsesOwnTable', { 'Fn::Equals': [{ Ref: 'RestoredTable' }, ''] });
    const environment = JSON.stringify(only(template, 'AWS::ECS::TaskDefinition'));
    expect(environment).toMatch(/dynamodb:\/\/.{0,40}"Fn::If":\["UsesOwnTable",\{"Ref":"\w+"\},\{"Ref":"RestoredTable"\}\].{0,20}\?region=us-east-1/);
  });
});

describe('the hot store', () => {
  it('is encrypted, in two zones, takes over by itself, and keeps no old copies', () => {
    expect(only(stacks.prod().template, 'AWS::ElastiCache::ReplicationGroup')).toMatchObject({
      Engine: 'valkey',
      TransitEncryptionEnabled: true,
      TransitEncryptionMode: 'required',
      AtRestEncryptionEnabled: true,
      MultiAZEnabled: true,
      AutomaticFailoverEnabled: true,
      NumNodeGroups: 1,
      ReplicasPerNodeGroup: 1,
      SnapshotRetentionLimit: 0,
      UserGroupIds: [{ Ref: expect.any(String) as unknown }],
    });
  });

  it('never evicts', () => {
    for (const [made, clustered] of [
      [stacks.prod(), 'no'],
      [stacks.large(), 'yes'],
    ] as const) {
      expect(only(made.template, 'AWS::ElastiCache::ParameterGroup')).toMatchObject({
        CacheParameterGroupFamily: 'valkey8',
        Properties: { 'maxmemory-policy': 'noeviction', 'cluster-enabled': clustered },
      });
    }
  });

  it('is reached over TLS with a user and a password, as a Cluster when there are several shards', () => {
    const url = (made: ReturnType<typeof stacks.prod>): string => {
      const secrets = Object.values(made.template.findResources('AWS::SecretsManager::Secret'));
      return secrets.map((secret) => JSON.stringify(secret)).find((secret) => secret.includes('COLLAB_REDIS_URL')) ?? '';
    };
    expect(url(stacks.prod())).toMatch(/rediss:\/\/collabcanvas:\{\{resolve:secretsmanager:.*PrimaryEndPoint\.Address.*:6379/);
    expect(url(stacks.large())).toMatch(/rediss\+cluster:\/\/collabcanvas:.*ConfigurationEndPoint\.Address.*:6379/);
  });

  it('is another one, which is empty, after its generation was raised', () => {
    const names = [stacks.prod(), stacks.restored()].map(({ template }) => Object.keys(template.findResources('AWS::ElastiCache::ReplicationGroup'))[0]);
    expect(names[0]).not.toBe(names[1]);
    for (const type of ['AWS::DynamoDB::Table', 'AWS::ElastiCache::User', 'AWS::ElastiCache::UserGroup']) {
      const kept = [stacks.prod(), stacks.restored()].map(({ template }) => Object.keys(template.findResources(type)));
      expect(kept[0]).toEqual(kept[1]);
    }
  });

  it('has no password in the template', () => {
    const text = JSON.stringify(stacks.prod().template.toJSON());
    expect(text).not.toMatch(/"Passwords":\["[^{]/);
    for (const secret of Object.values(stacks.prod().template.findResources('AWS::SecretsManager::Secret'))) {
      const { GenerateSecretString: made, SecretString: composed } = (secret as { Properties: Record<string, unknown> }).Properties;
      expect(made !== undefined || JSON.stringify(composed).includes('{{resolve:secretsmanager:')).toBe(true);
    }
  });
});
