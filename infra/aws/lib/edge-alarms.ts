/** Alarms of the load balancer. */
import { Duration } from 'aws-cdk-lib';
import {
  HttpCodeElb,
  HttpCodeTarget,
  type ApplicationLoadBalancer,
  type ApplicationTargetGroup,
} from 'aws-cdk-lib/aws-elasticloadbalancingv2';
import type { ITopic } from 'aws-cdk-lib/aws-sns';
import { Construct } from 'constructs';
import { alarm } from './alarm.js';

const period = Duration.minutes(1);
const minute = { period, statistic: 'Sum' };

export class EdgeAlarms extends Construct {
  constructor(scope: Construct, id: string, balancer: ApplicationLoadBalancer, targets: ApplicationTargetGroup, least: number, topic: ITopic) {
    super(scope, id);
    alarm(this, 'BalancerErrors', topic, {
      metric: balancer.metrics.httpCodeElb(HttpCodeElb.ELB_5XX_COUNT, minute),
      above: 10,
      periods: 3,
      says: 'The balancer answers with 5xx by itself: it finds no node that takes connections. Look at UnHealthyHostCount and at the events of the service.',
    });
    alarm(this, 'NodeErrors', topic, {
      metric: targets.metrics.httpCodeTarget(HttpCodeTarget.TARGET_5XX_COUNT, minute),
      above: 10,
      periods: 3,
      says: 'Nodes answer with 5xx. Their logs say why; 503 while one stops is as it should be.',
    });
    alarm(this, 'Unhealthy', topic, {
      metric: targets.metrics.unhealthyHostCount({ period, statistic: 'Maximum' }),
      above: 0,
      periods: 5,
      says: 'A node has not been ready for five minutes. Ask its /readyz, which says why; if all are unready, look at Redis and DynamoDB first.',
    });
    alarm(this, 'TooFew', topic, {
      metric: targets.metrics.healthyHostCount({ period, statistic: 'Minimum' }),
      below: least,
      periods: 5,
      ringsWhenSilent: true,
      says: 'Fewer nodes are ready than should be. Look at the events of the service: an image that is not there, a secret that was replaced, a node that does not start and says why in its log.',
    });
  }
}
