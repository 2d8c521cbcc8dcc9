import { Match } from 'aws-cdk-lib/assertions';
import { describe, expect, it } from 'vitest';
import { collectorConfig } from '../lib/collector-config.js';
import { NAMES } from '../lib/node-metrics.js';
import { rust } from './repository.js';
import { stacks } from './stack.js';

interface AlarmProperties {
  AlarmDescription: string;
  AlarmActions: unknown[];
  MetricName?: string;
  Threshold: number;
  ComparisonOperator: string;
  TreatMissingData: string;
  Metrics?: { MetricStat?: unknown; Expression?: string }[];
}

const alarms = (made = stacks.prod()): Map<string, AlarmProperties> =>
  new Map(
    Object.entries(made.template.findResources('AWS::CloudWatch::Alarm')).map(([name, alarm]) => [
      name.replace(/[0-9A-F]{8}$/, ''),
      (alarm as { Properties: AlarmProperties }).Properties,
    ]),
  );

describe('what is watched', () => {
  it('is exported by nodes', () => {
    const source = rust('src/metrics') + rust('src').split('//! Every metric there is')[1];
    for (const name of NAMES) expect(source, name).toContain(`"${name}"`);
  });

  it('rings for all that an operator must know', () => {
    const expected: [string, string, number][] = [
      ['RedisAlarmsMemory', 'GreaterThanThreshold', 80],
      ['RedisAlarmsLatency', 'GreaterThanThreshold', 10_000],
      ['RedisAlarmsEvictions', 'GreaterThanThreshold', 0],
      ['RedisAlarmsLogins', 'GreaterThanThreshold', 0],
      ['NodeAlarmsHitRatio', 'LessThanThreshold', 90],
      ['NodeAlarmsRedisConnections', 'GreaterThanThreshold', 5],
      ['NodeAlarmsAutosaveAge', 'GreaterThanThreshold', 5],
      ['NodeAlarmsUnsavedOps', 'GreaterThanThreshold', 0],
      ['NodeAlarmsDurableErrors', 'GreaterThanThreshold', 50],
      ['NodeAlarmsDamaged', 'GreaterThanThreshold', 0],
      ['NodeAlarmsGivenUp', 'GreaterThanThreshold', 0],
      ['NodeAlarmsIsolated', 'GreaterThanThreshold', 0],
      ['NodeAlarmsHeals', 'GreaterThanThreshold', 0],
      ['EdgeAlarmsBalancerErrors', 'GreaterThanThreshold', 10],
      ['EdgeAlarmsNodeErrors', 'GreaterThanThreshold', 10],
      ['EdgeAlarmsUnhealthy', 'GreaterThanThreshold', 0],
      ['EdgeAlarmsTooFew', 'LessThanThreshold', 2],
    ];
    const found = [...alarms()].map(([name, alarm]) => [name, alarm.ComparisonOperator, alarm.Threshold]);
    expect(found.sort()).toEqual(expected.sort());
  });

  it('says with each alarm what it means and what to do, and tells somebody', () => {
    for (const [name, alarm] of alarms()) {
      expect(alarm.AlarmDescription.split(/[.;:] /).length, name).toBeGreaterThanOrEqual(2);
      expect(alarm.AlarmDescription.endsWith('.'), name).toBe(true);
      expect(alarm.AlarmActions, name).toHaveLength(1);
    }
  });

  it('rings when nodes have fallen silent', () => {
    const silent = [...alarms()].filter(([, alarm]) => alarm.TreatMissingData === 'breaching').map(([name]) => name);
    expect(silent.sort()).toEqual(['EdgeAlarmsTooFew', 'NodeAlarmsAutosaveAge']);
  });

  it('looks at every server of Redis, and at no more figures than an alarm may', () => {
    for (const made of [stacks.dev(), stacks.prod(), stacks.large()]) {
      const { shards, replicas } = made.stage.size.redis;
      const memory = alarms(made).get('RedisAlarmsMemory');
      expect(memory?.Metrics?.filter((metric) => metric.MetricStat !== undefined)).toHaveLength(shards * (replicas + 1));
      for (const alarm of alarms(made).values()) expect(alarm.Metrics?.length ?? 0).toBeLessThanOrEqual(10);
    }
    const names = JSON.stringify(alarms(stacks.large()).get('RedisAlarmsMemory'));
    for (const shard of ['1', '2', '3', '4']) expect(names).toContain(`-000${shard}-002`);
    expect(JSON.stringify(alarms().get('RedisAlarmsMemory'))).toContain('-002');
  });

  it('has a dashboard with every metric that goes to CloudWatch but those that are only counted', () => {
    const { template } = stacks.prod();
    const board = JSON.stringify(template.findResources('AWS::CloudWatch::Dashboard'));
    for (const name of NAMES.filter((name) => !['collab_damaged_projects', 'collab_held_given_up_total', 'collab_node_isolated'].includes(name))) {
      expect(board, name).toContain(name);
    }
  });

  it('collects from the node beside it, tells tasks apart in Prometheus, and sends CloudWatch what alarms need', () => {
    const config = JSON.stringify(collectorConfig({ stage: 'dev', region: 'us-east-1', logGroup: 'group', remoteWrite: 'https://aps.example/' }));
    expect(config).toContain('"targets":["127.0.0.1:9464"]');
    expect(config).toContain('"key":"service.instance.id","from_attribute":"aws.ecs.task.arn"');
    expect(config).toContain(`"match_type":"strict","metric_names":${JSON.stringify(NAMES)}`);
    // A collector would take what follows a $ for a variable.
    expect(config).not.toContain('$');
    stacks.prod().template.resourceCountIs('AWS::APS::Workspace', 1);
    stacks.prod().template.hasResourceProperties('AWS::ECS::TaskDefinition', {
      ContainerDefinitions: Match.arrayWith([
        Match.objectLike({ Name: 'collector', Environment: Match.arrayWith([Match.objectLike({ Name: 'AOT_CONFIG_CONTENT' })]) }),
      ]),
    });
  });
});
