import { Match } from 'aws-cdk-lib/assertions';
import { describe, expect, it } from 'vitest';
import { BALANCER_IDLE, DEREGISTRATION, DRAIN, GRACE, HEARTBEAT, STOP } from '../lib/times.js';
import { only, stacks } from './stack.js';

/** Attributes of the balancer or of its targets, by name. */
function attributes(properties: Record<string, unknown>, list: string): Record<string, unknown> {
  return Object.fromEntries((properties[list] as { Key: string; Value: unknown }[]).map(({ Key, Value }) => [Key, Value]));
}

describe('the load balancer', () => {
  it('keeps connections for longer than the time between two pings', () => {
    const { template } = stacks.prod();
    const found = attributes(only(template, 'AWS::ElasticLoadBalancingV2::LoadBalancer'), 'LoadBalancerAttributes');
    expect(found).toMatchObject({
      'idle_timeout.timeout_seconds': String(BALANCER_IDLE),
      'routing.http.drop_invalid_header_fields.enabled': 'true',
      'routing.http.preserve_host_header.enabled': 'true',
      'deletion_protection.enabled': 'true',
      'access_logs.s3.enabled': 'true',
    });
    expect(BALANCER_IDLE).toBeGreaterThan(3 * HEARTBEAT);
  });

  it('leaves a node that goes its connections until it has said goodbye, and no longer than it lives', () => {
    const { template } = stacks.prod();
    const found = attributes(only(template, 'AWS::ElasticLoadBalancingV2::TargetGroup'), 'TargetGroupAttributes');
    expect(found).toMatchObject({
      'deregistration_delay.timeout_seconds': String(DEREGISTRATION),
      'load_balancing.algorithm.type': 'least_outstanding_requests',
    });
    expect(found['stickiness.enabled']).not.toBe('true');
    expect(DEREGISTRATION).toBeGreaterThanOrEqual(GRACE);
    expect(DEREGISTRATION).toBeLessThanOrEqual(STOP);
    expect(GRACE).toBeLessThan(STOP);
    expect(DRAIN).toBeLessThanOrEqual(GRACE / 2);
  });

  it('asks on the admin port whether a node is ready', () => {
    const { template } = stacks.prod();
    template.hasResourceProperties('AWS::ElasticLoadBalancingV2::TargetGroup', {
      HealthCheckPath: '/readyz',
      HealthCheckPort: '9464',
      Matcher: { HttpCode: '200' },
      Port: 8080,
      TargetType: 'ip',
    });
  });

  it('speaks TLS alone, with the given certificate, and tells browsers so', () => {
    const { template } = stacks.prod();
    const listener = only(template, 'AWS::ElasticLoadBalancingV2::Listener');
    expect(listener).toMatchObject({
      Port: 443,
      Protocol: 'HTTPS',
      Certificates: [{ CertificateArn: { Ref: 'CertificateArn' } }],
      ListenerAttributes: [{ Key: 'routing.http.response.strict_transport_security.header_value', Value: 'max-age=31536000' }],
    });
    expect(listener['SslPolicy']).toMatch(/TLS13/);
  });

  it('writes its logs where nobody else reads', () => {
    const { template } = stacks.prod();
    template.hasResourceProperties('AWS::S3::Bucket', {
      PublicAccessBlockConfiguration: { BlockPublicAcls: true, BlockPublicPolicy: true, IgnorePublicAcls: true, RestrictPublicBuckets: true },
      LifecycleConfiguration: { Rules: Match.arrayWith([Match.objectLike({ ExpirationInDays: 30, Status: 'Enabled' })]) },
    });
  });
});
