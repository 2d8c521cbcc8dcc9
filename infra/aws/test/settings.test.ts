import { describe, expect, it } from 'vitest';
import { dev, prod } from '../lib/stages.js';
import { stacks } from './stack.js';

describe('a deployment', () => {
  it('is told its version, its name and whom to wake, and nothing that is secret', () => {
    const parameters = Object.keys(stacks.prod().template.toJSON()['Parameters'] as object);
    expect(parameters.filter((name) => name !== 'BootstrapVersion').sort()).toEqual([
      'AlarmEmail',
      'AllowedOrigins',
      'CertificateArn',
      'RestoredTable',
      'TokenAudience',
      'TokenIssuer',
      'Version',
    ]);
  });

  it('runs an image from the one repository of all stages', () => {
    const task = JSON.stringify(stacks.prod().template.findResources('AWS::ECS::TaskDefinition'));
    expect(task).toMatch(/\/collabcanvas:"?,\{"Ref":"Version"\}/);
  });

  it('differs between stages in size and protection alone', () => {
    expect(dev.cidr).not.toBe(prod.cidr);
    expect([dev.keeps, prod.keeps]).toEqual([false, true]);
    const types = (made: ReturnType<typeof stacks.dev>): string[] => [
      ...new Set(Object.values(made.template.toJSON()['Resources'] as Record<string, { Type: string }>).map(({ Type }) => Type)),
    ];
    expect(types(stacks.dev()).sort()).toEqual(types(stacks.prod()).sort());
  });

  it('names no account, so that it can be made without one', () => {
    expect(JSON.stringify(stacks.prod().template.toJSON())).not.toMatch(/arn:aws:[a-z]+:[a-z0-9-]*:\d{12}:/);
  });
});
