/**
 * What AWS asks for, in dollars: list prices of us-east-1, on demand, without discounts and free tiers except that of traffic. Written down in November 2026
 * from public pages that quote AWS, not from AWS itself. `page` says on which of AWS's pages of prices each stands: look there before you rely on it.
 */

export interface Price {
  readonly dollars: number;
  readonly per: string;
  readonly page: string;
}

export const PRICES = {
  vcpu: { dollars: 0.03238, per: 'processor of Fargate on ARM, an hour', page: 'AWS Fargate' },
  gigabyte: { dollars: 0.00356, per: 'GB of memory of Fargate on ARM, an hour', page: 'AWS Fargate' },
  'cache.t4g.small': {
    dollars: 0.0256,
    per: 'server, an hour',
    page: 'AWS ElastiCache for Valkey, read on 2 October 2026; with Redis OSS it is $0.032, that is $23.36 a month',
  },
  'cache.m7g.large': { dollars: 0.1264, per: 'server, an hour', page: 'AWS ElastiCache for Valkey, read on 2 October 2026' },
  writeUnits: { dollars: 0.625, per: 'million write units', page: 'AWS DynamoDB, on demand' },
  readUnits: { dollars: 0.125, per: 'million read units', page: 'AWS DynamoDB, on demand' },
  stored: { dollars: 0.45, per: 'GB, a month', page: 'AWS DynamoDB: $0.25 for the table, $0.20 for recovery to any second' },
  balancer: { dollars: 0.0225, per: 'load balancer, an hour', page: 'AWS Elastic Load Balancing' },
  balancerUnit: {
    dollars: 0.008,
    per: 'capacity unit, an hour: 1 GB an hour, or 3,000 connections',
    page: 'AWS Elastic Load Balancing',
  },
  nat: { dollars: 0.045, per: 'NAT gateway, an hour', page: 'AWS VPC' },
  natGigabyte: { dollars: 0.045, per: 'GB through it', page: 'AWS VPC' },
  address: { dollars: 0.005, per: 'public address, an hour', page: 'AWS VPC' },
  toInternet: { dollars: 0.09, per: 'GB to the internet, after 100 a month', page: 'AWS EC2, data transfer' },
  betweenZones: { dollars: 0.02, per: 'GB from zone to zone, both ends', page: 'AWS EC2, data transfer' },
  metric: { dollars: 0.3, per: 'metric of our own, a month', page: 'AWS CloudWatch' },
  alarmMetric: { dollars: 0.1, per: 'figure that an alarm looks at, a month', page: 'AWS CloudWatch' },
  dashboard: { dollars: 3, per: 'dashboard, a month', page: 'AWS CloudWatch' },
  logs: { dollars: 0.5, per: 'GB of logs', page: 'AWS CloudWatch' },
  samples: { dollars: 0.09, per: 'million samples', page: 'AWS Managed Prometheus: $0.90 for ten million' },
  secret: { dollars: 0.4, per: 'secret, a month', page: 'AWS Secrets Manager' },
  key: { dollars: 1, per: 'key, a month', page: 'AWS KMS' },
} as const satisfies Record<string, Price>;

/** Dollars for so much of something. */
export function price(name: keyof typeof PRICES, amount: number): number {
  return PRICES[name].dollars * amount;
}
