import { describe, expect, it } from 'vitest';
import { ACTIONS } from '../lib/durable-table.js';
import { read } from './repository.js';
import { only, stacks } from './stack.js';

interface Statement {
  Action: string | string[];
  Effect: string;
  Resource: unknown;
}

/** What a role may do, by the start of the role's name. */
function statements(role: string): Statement[] {
  const policies = Object.entries(stacks.prod().template.findResources('AWS::IAM::Policy'));
  const found = policies.filter(([name]) => name.startsWith(role)).map(([, policy]) => policy as { Properties: { PolicyDocument: { Statement: Statement[] } } });
  return found.flatMap((policy) => policy.Properties.PolicyDocument.Statement);
}

const actions = (role: string): string[] => statements(role).flatMap(({ Action }) => Action).sort();

describe('the rights of a node', () => {
  it('are those that it needs in DynamoDB, of its table, and to write metrics', () => {
    expect(actions('TaskDefinitionTaskRole')).toEqual(
      [...ACTIONS.map((action) => `dynamodb:${action}`), 'aps:RemoteWrite', 'logs:CreateLogStream', 'logs:PutLogEvents'].sort(),
    );
    const table = statements('TaskDefinitionTaskRole').find(({ Action }) => Action.includes('dynamodb:GetItem'));
    expect(JSON.stringify(table?.Resource)).toMatch(/:table\/.*UsesOwnTable/);
    expect(JSON.stringify(statements('TaskDefinitionTaskRole').map(({ Resource }) => Resource))).not.toContain('"*"');
  });

  it('are those of the README', () => {
    const sentence = /nodes\s+need ((?:`[\w ]+`\s*)+)on the table and nothing else/.exec(read('README.md'));
    expect(sentence?.[1]?.replaceAll('`', '').trim().split(/\s+/)).toEqual([...ACTIONS]);
  });

  it('to start are those to fetch its image and its four secrets', () => {
    expect(new Set(actions('TaskDefinitionExecutionRole'))).toEqual(
      new Set([
        'ecr:BatchCheckLayerAvailability',
        'ecr:BatchGetImage',
        'ecr:GetAuthorizationToken',
        'ecr:GetDownloadUrlForLayer',
        'logs:CreateLogStream',
        'logs:PutLogEvents',
        'secretsmanager:DescribeSecret',
        'secretsmanager:GetSecretValue',
      ]),
    );
    const everywhere = statements('TaskDefinitionExecutionRole').filter(({ Resource }) => Resource === '*');
    expect(everywhere.map(({ Action }) => Action)).toEqual(['ecr:GetAuthorizationToken']);
    const secrets = statements('TaskDefinitionExecutionRole').filter(({ Action }) => Action.includes('secretsmanager:GetSecretValue'));
    expect(secrets).toHaveLength(4);
  });

  it('in Redis are those of the README, and nobody else has any', () => {
    const readme = read('README.md');
    const [, rights] = /^ +(~collab:\* &collab:\* .*)$/m.exec(readme) ?? [];
    const [, inCluster] = /in a Cluster also `([^`]+)`/.exec(readme) ?? [];
    expect(rights).toBeDefined();
    const of = (made: ReturnType<typeof stacks.prod>): unknown[] =>
      Object.values(made.template.findResources('AWS::ElastiCache::User')).map(
        (user) => (user as { Properties: { AccessString: string } }).Properties.AccessString,
      );
    const nobody = 'off ~collab:* -@all';
    const word = (text = ''): Set<string> => new Set(text.split(' '));
    for (const [made, more] of [
      [stacks.prod(), ''],
      [stacks.large(), inCluster],
    ] as const) {
      const [nodes, others] = of(made) as [string, string];
      expect(word(nodes)).toEqual(word(`on -@all ${rights ?? ''} ${more ?? ''}`.trim()));
      expect(nodes.indexOf('-@all')).toBeLessThan(nodes.indexOf('+del'));
      expect(others).toBe(nobody);
    }
  });

  it('lets alarms through the key of their topic, and plain text nowhere', () => {
    const { template } = stacks.prod();
    const key = only(template, 'AWS::KMS::Key');
    expect(key).toMatchObject({ EnableKeyRotation: true });
    expect(JSON.stringify(key)).toContain('cloudwatch.amazonaws.com');
    expect(JSON.stringify(only(template, 'AWS::SNS::TopicPolicy'))).toContain('aws:SecureTransport');
  });
});
