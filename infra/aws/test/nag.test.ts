import { Annotations, Match } from 'aws-cdk-lib/assertions';
import { describe, expect, it } from 'vitest';
import { App, Aspects } from 'aws-cdk-lib';
import { AwsSolutionsChecks } from 'cdk-nag';
import { RegistryStack } from '../lib/registry-stack.js';
import { stacks } from './stack.js';

const anything = Match.stringLikeRegexp('.*');

describe('the rules of AWS', () => {
  it.each(['dev', 'prod', 'large'] as const)('are kept by %s, or it is said why not', (name) => {
    const { stack } = stacks[name]();
    const found = [...Annotations.fromStack(stack).findError('*', anything), ...Annotations.fromStack(stack).findWarning('*', anything)];
    expect(found.map(({ id, entry }) => `${id}: ${String(entry.data)}`)).toEqual([]);
  });

  it('are kept by the registry', () => {
    const app = new App();
    const stack = new RegistryStack(app, 'Registry', {});
    Aspects.of(app).add(new AwsSolutionsChecks());
    expect(Annotations.fromStack(stack).findError('*', anything)).toEqual([]);
    expect(Annotations.fromStack(stack).findWarning('*', anything)).toEqual([]);
  });

  it('are never set aside without a sentence', () => {
    const reasons = JSON.stringify(stacks.prod().template.toJSON()).matchAll(/"reason":"((?:[^"\\]|\\.)*)"/g);
    const all = [...reasons].map(([, reason]) => reason ?? '');
    expect(all.length).toBeGreaterThan(5);
    for (const reason of all) expect(reason).toMatch(/^[A-Z].{39,}\.$/);
  });
});
