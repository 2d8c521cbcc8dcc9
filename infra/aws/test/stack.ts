/** A stack as it would be deployed, made once for all tests that look at it. */
import { App, Aspects, type Stack } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import { AwsSolutionsChecks } from 'cdk-nag';
import { CollabCanvasStack } from '../lib/collabcanvas-stack.js';
import { large } from '../lib/sizes.js';
import { dev, prod, type Stage } from '../lib/stages.js';

export interface Made {
  readonly stage: Stage;
  readonly stack: Stack;
  readonly template: Template;
}

function make(stage: Stage): Made {
  const app = new App();
  const stack = new CollabCanvasStack(app, `CollabCanvas-${stage.name}`, { stage });
  Aspects.of(app).add(new AwsSolutionsChecks());
  return { stage, stack, template: Template.fromStack(stack) };
}

const made = new Map<string, Made>();

function once(name: string, stage: Stage): Made {
  const found = made.get(name) ?? make(stage);
  made.set(name, found);
  return found;
}

export const stacks = {
  dev: (): Made => once('dev', dev),
  prod: (): Made => once('prod', prod),
  /** Production as it would be for ten thousand people: on a Cluster. */
  large: (): Made => once('large', { ...prod, size: large }),
  /** Production after its table was restored. */
  restored: (): Made => once('restored', { ...prod, redisGeneration: prod.redisGeneration + 1 }),
};

/** The one resource of a type. */
export function only(template: Template, type: string): Record<string, unknown> {
  const found = Object.values(template.findResources(type)) as { Properties: Record<string, unknown> }[];
  const [first] = found;
  if (first === undefined || found.length > 1) throw new Error(`${String(found.length)} of ${type}, and one was expected`);
  return first.Properties;
}
