/** The deployments that there are: how large each is, and how it is protected. To change one, change it here and deploy. */
import { medium, small, type Size } from './sizes.js';

export interface Stage {
  readonly name: 'dev' | 'prod';
  readonly region: string;
  /** Networks of stages differ, so that they can be joined with each other or with an office one day. */
  readonly cidr: string;
  readonly size: Size;
  /** Whether what holds data resists its removal, and outlives the stack. */
  readonly keeps: boolean;
  /** Raise it, and the next deployment begins with an empty Redis: after the table was restored. */
  readonly redisGeneration: number;
  /** Days for which logs are kept. */
  readonly logDays: 7 | 30;
}

export const dev: Stage = { name: 'dev', region: 'us-east-1', cidr: '10.40.0.0/16', size: small, keeps: false, redisGeneration: 1, logDays: 7 };

export const prod: Stage = { name: 'prod', region: 'us-east-1', cidr: '10.41.0.0/16', size: medium, keeps: true, redisGeneration: 1, logDays: 30 };
