import { describe, expect, it } from 'vitest';
import { bytesToPerson, cost, writeUnitsOfLog } from '../cost/cost.js';
import { alarmFigures, METRICS, SECRETS } from '../cost/counts.js';
import { LOAD } from '../cost/load.js';
import { PRICES } from '../cost/prices.js';
import { costTable, loadTable, priceTable } from '../cost/tables.js';
import { large, medium, small } from '../lib/sizes.js';
import { read } from './repository.js';
import { stacks } from './stack.js';

describe('the cost', () => {
  it('stands in the README as it is computed: `npm run --silent cost` prints what belongs there', () => {
    const page = read('infra/aws/README.md');
    for (const table of [costTable(), priceTable(), loadTable()]) expect(page).toContain(table);
  });

  it('says of each figure where it is from', () => {
    for (const { page } of Object.values(PRICES)) expect(page).toMatch(/^AWS /);
    for (const { source } of Object.values(LOAD)) expect(source.length).toBeGreaterThan(3);
  });

  it('is of prices that the project knows', () => {
    // $23.36 a month is t4g.small with Redis OSS, a fifth more than with Valkey.
    expect((PRICES['cache.t4g.small'].dollars / 0.8) * 730).toBeCloseTo(23.36, 2);
    expect(cost(100, small).redis).toBeCloseTo(2 * 0.8 * 23.36, 2);
    expect(PRICES.writeUnits.dollars).toBe(0.625);
  });

  it('is of figures that the load test has found', () => {
    const results = read('loadtest/RESULTS.md');
    expect(results).toContain(`| bytes a delivery | ${String(LOAD.deliveryBytes.value)} |`);
    expect(results).toContain('752 cursors a second');
    expect(LOAD.cursorBytes.value).toBe(Math.round(32_000 / 752));
    const scenario = read('loadtest/scenarios/users.toml');
    expect(scenario).toContain(`clients = ${String(LOAD.together.value)}\n`);
    expect(scenario).toContain(`rate = ${(LOAD.ops.value * 10).toFixed(1)}\n`);
  });

  it('adds up, and grows with people and with sizes', () => {
    const all = [cost(100, small), cost(1_000, medium), cost(10_000, large)] as const;
    for (const { total, ...parts } of all) {
      expect(Object.values(parts).reduce((sum, part) => sum + part)).toBeCloseTo(total, 6);
    }
    expect(all[0].total).toBeLessThan(all[1].total);
    expect(all[1].total).toBeLessThan(all[2].total);
    expect(cost(2_000, medium).durable).toBeGreaterThan(cost(1_000, medium).durable);
    expect(cost(2_000, medium).nodes).toBe(cost(1_000, medium).nodes);
  });

  it('counts saves by the project, and bytes by the person', () => {
    // 5 changes a second of ten people: a save each 0.6 s, of one unit.
    expect(writeUnitsOfLog(10) / (168 * 3_600)).toBeCloseTo(1 / 0.6, 6);
    // At the load test's rate it is more than what has been measured there.
    const million = (people: number, ops: number): number => (writeUnitsOfLog(people, ops) / (people * ops * 168 * 3_600)) * 1_000_000;
    expect(Math.round(million(1_000, 5) / 1_000)).toBe(95);
    expect(read('infra/aws/README.md')).toContain('the function takes 95,000 for such a load');
    expect(bytesToPerson()).toBeCloseTo(9 * 0.5 * 47 + 20 * 43, 6);
  });

  it('counts what a stack has', () => {
    for (const { template, stage } of [stacks.dev(), stacks.prod(), stacks.large()]) {
      const alarms = Object.values(template.findResources('AWS::CloudWatch::Alarm')) as { Properties: { Metrics?: { MetricStat?: object }[] } }[];
      const figures = alarms.map(({ Properties }) => Properties.Metrics?.filter((metric) => metric.MetricStat !== undefined).length ?? 1);
      expect(figures.reduce((sum, count) => sum + count)).toBe(alarmFigures(stage.size));
      template.resourceCountIs('AWS::SecretsManager::Secret', SECRETS);
      template.resourceCountIs('AWS::KMS::Key', 1);
    }
    expect(METRICS).toBe(14);
  });
});
