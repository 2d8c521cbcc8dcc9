/** How many of what is billed by number a stack has. A test counts them in the templates. */
import { NAMES } from '../lib/node-metrics.js';
import type { Size } from '../lib/sizes.js';

export const METRICS = NAMES.length;

export const SECRETS = 7;

/** Alarms of one figure, those of two, and those of Redis, which look at every server. */
const SINGLE = 11;
const DOUBLE = 2;
const OF_REDIS = 4;

export function alarmFigures({ redis }: Size): number {
  return SINGLE + 2 * DOUBLE + OF_REDIS * redis.shards * (redis.replicas + 1);
}
