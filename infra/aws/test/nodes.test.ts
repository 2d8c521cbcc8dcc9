import { Match } from 'aws-cdk-lib/assertions';
import { describe, expect, it } from 'vitest';
import { DRAIN, GRACE, STOP } from '../lib/times.js';
import { read } from './repository.js';
import { only, stacks } from './stack.js';

interface Container {
  Name: string;
  Environment?: { Name: string; Value: unknown }[];
  Secrets?: { Name: string }[];
}

const containers = (): Container[] => only(stacks.prod().template, 'AWS::ECS::TaskDefinition')['ContainerDefinitions'] as Container[];
const container = (name: string): Container | undefined => containers().find(({ Name }) => Name === name);

describe('nodes', () => {
  it('run on ARM, not as root, and cannot write to their image', () => {
    const { template } = stacks.prod();
    template.hasResourceProperties('AWS::ECS::TaskDefinition', {
      RequiresCompatibilities: ['FARGATE'],
      RuntimePlatform: { CpuArchitecture: 'ARM64', OperatingSystemFamily: 'LINUX' },
      Cpu: '1024',
      Memory: '2048',
    });
    expect(containers().map(({ Name }) => Name)).toEqual(['node', 'collector']);
    expect(container('node')).toMatchObject({ User: '65532:65532', ReadonlyRootFilesystem: true, Essential: true });
    expect(container('collector')).toMatchObject({ ReadonlyRootFilesystem: true, Essential: false });
  });

  it('are asked whether they live, and have time to save when they stop', () => {
    const node = container('node');
    expect(node).toMatchObject({ StopTimeout: STOP, Ulimits: [{ Name: 'nofile', SoftLimit: 65535, HardLimit: 65535 }] });
    expect(JSON.stringify(node)).toContain('http://127.0.0.1:9464/livez');
    expect(STOP).toBe(120);
    expect(node?.Environment).toContainEqual({ Name: 'COLLAB_GRACE_SECONDS', Value: String(GRACE) });
    expect(node?.Environment).toContainEqual({ Name: 'COLLAB_DRAIN_SECONDS', Value: String(DRAIN) });
  });

  it('have settings that the README knows, and secrets from Secrets Manager alone', () => {
    const node = container('node');
    const table = read('README.md');
    const settings = (node?.Environment ?? []).map(({ Name }) => Name);
    const secrets = (node?.Secrets ?? []).map(({ Name }) => Name);
    for (const name of [...settings, ...secrets]) expect(table, name).toContain(`| \`${name}\` |`);
    expect(secrets.sort()).toEqual(['COLLAB_ADMIN_TOKEN', 'COLLAB_API_KEYS', 'COLLAB_AUTH_KEYS', 'COLLAB_REDIS_URL']);
    expect(settings.filter((name) => /KEY|TOKEN|PASSWORD|SECRET|REDIS/.test(name))).toEqual([]);
  });

  it('have all that matters for production', () => {
    const node = container('node');
    const set = [...(node?.Environment ?? []), ...(node?.Secrets ?? [])].map(({ Name }) => Name);
    const chapter = read('README.md').split('## Going to production')[1]?.split('\n## ')[0] ?? '';
    const matters = [...chapter.matchAll(/^\d+\. (.*?):/gm)].flatMap(([, names]) => [...(names ?? '').matchAll(/`(COLLAB_\w+)`/g)]);
    // Their defaults are as good here as anywhere.
    const asEverywhere = ['COLLAB_LIMITS', 'COLLAB_HISTORY_RETENTION'];
    const names = matters.map(([, name]) => name).filter((name) => !asEverywhere.includes(name ?? ''));
    expect(names.length).toBeGreaterThan(8);
    for (const name of names) expect(set).toContain(name);
  });

  it('believe nobody but the balancer of where a client comes from', () => {
    const proxies = container('node')?.Environment?.find(({ Name }) => Name === 'COLLAB_TRUSTED_PROXIES');
    expect(proxies?.Value).toBe('10.41.0.0/24,10.41.1.0/24');
  });

  it('are replaced without ever being fewer, and put back when the new ones do not start', () => {
    const { template } = stacks.prod();
    template.hasResourceProperties('AWS::ECS::Service', {
      DeploymentConfiguration: {
        MinimumHealthyPercent: 100,
        MaximumPercent: 200,
        DeploymentCircuitBreaker: { Enable: true, Rollback: true },
      },
      EnableExecuteCommand: false,
      // Else each deployment would undo what autoscaling did.
      DesiredCount: Match.absent(),
    });
  });

  it('become more when they are busy and when they have many connections', () => {
    const { template, stage } = stacks.prod();
    template.hasResourceProperties('AWS::ApplicationAutoScaling::ScalableTarget', {
      MinCapacity: stage.size.nodes.least,
      MaxCapacity: stage.size.nodes.most,
    });
    template.hasResourceProperties('AWS::ApplicationAutoScaling::ScalingPolicy', {
      TargetTrackingScalingPolicyConfiguration: {
        PredefinedMetricSpecification: { PredefinedMetricType: 'ECSServiceAverageCPUUtilization' },
        TargetValue: 60,
      },
    });
    template.hasResourceProperties('AWS::ApplicationAutoScaling::ScalingPolicy', {
      TargetTrackingScalingPolicyConfiguration: {
        CustomizedMetricSpecification: {
          Namespace: 'CollabCanvas',
          MetricName: 'collab_connections',
          Statistic: 'Average',
          Dimensions: [{ Name: 'deployment', Value: 'prod' }],
        },
        TargetValue: stage.size.nodes.connections,
      },
    });
  });
});
